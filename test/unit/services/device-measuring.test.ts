import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { assetsFolder } from '../../../main/assets.ts'
import { chooseDevice } from '../../../main/engines/device-choice.ts'
import { readDevices, writeDevices } from '../../../main/engines/device-file.ts'
import { knownDevices } from '../../../main/engines/devices.ts'
import { createDeviceMeasuring, type DeviceMeasuring } from '../../../main/services/device-measuring.ts'
import type { Publish } from '../../../main/services/events.ts'
import { createWorkbench } from '../../../main/services/index.ts'
import { answering } from '../../fixtures/answering-devices.ts'
import { configOf, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'workbench-measuring-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const steps = { 'onnxruntime cpu': 60, 'onnxruntime webgpu': 12 }
const everywhere = knownDevices().length

function measuringWith(
  spawnTrainer: ReturnType<typeof answering>,
  {
    card = true,
    folder = home,
    publish = () => undefined,
  }: { card?: boolean; folder?: string; publish?: Publish } = {},
): DeviceMeasuring {
  return createDeviceMeasuring({
    ...{ home: folder, spawnTrainer, publish },
    mayHaveGraphicsCard: async () => card,
  })
}

const auto = { engine: 'auto', device: 'auto' } as const
const going = (): AbortSignal => new AbortController().signal
const alone = (): undefined => undefined

describe('before a run', () => {
  it('the devices are measured once where there may be a card, and the run then takes the fastest', async () => {
    const spawn = answering(steps)
    const said: string[] = []
    const say = (level: string, text: string): void => void said.push(`${level}: ${text}`)
    const measuring = measuringWith(spawn)
    await measuring.beforeRun(configOf(), say, going(), alone)
    expect(spawn.started).toHaveLength(everywhere)
    expect(chooseDevice(auto, await readDevices(join(home, 'cache')))).toMatchObject({
      engine: 'onnxruntime',
      device: 'webgpu',
    })
    await measuring.beforeRun(configOf(), say, going(), alone)
    expect(spawn.started).toHaveLength(everywhere)
    expect(said).toEqual([
      expect.stringMatching(
        /^info: .*measured once now, so that “auto” takes the fastest.*WORKBENCH_MEASURE=0/,
      ),
    ])
  })

  it.each([
    ['has a device by name', { engine: { engine: 'onnxruntime', device: 'webgpu' } }],
    ['computes in 8 bits, which one device does', { training: { backbonePrecision: 'int8' } }],
    [
      'wants a device that this system does not have',
      { engine: { device: process.platform === 'darwin' ? 'dml' : 'coreml' } },
    ],
  ])('nothing is measured where it %s', async (_, rest) => {
    const spawn = answering(steps)
    await measuringWith(spawn).beforeRun(configOf({}, rest), () => undefined, going(), alone)
    expect(spawn.started).toEqual([])
  })

  it('nothing is measured where the machine shows no graphics card', async () => {
    const spawn = answering(steps)
    await measuringWith(spawn, { card: false }).beforeRun(configOf(), () => undefined, going(), alone)
    expect(spawn.started).toEqual([])
  })

  it('devices that were tried and cannot be used are not tried again', async () => {
    const failed = { name: '', version: '1.0.0', available: false, problem: 'It is not there.' }
    const spawn = answering(steps)
    const measuring = measuringWith(spawn)
    await measuring.measure()
    await writeDevices(
      join(home, 'cache'),
      knownDevices().map((name) => ({ ...name, ...failed })),
    )
    await measuring.beforeRun(configOf({}, { engine: { device: 'webgpu' } }), () => undefined, going(), alone)
    expect(spawn.started).toHaveLength(everywhere)
  })

  it('runs that begin together wait for one measurement', async () => {
    const spawn = answering(steps)
    const measuring = measuringWith(spawn)
    const begin = () => measuring.beforeRun(configOf(), () => undefined, going(), alone)
    await Promise.all([begin(), begin()])
    expect(spawn.started).toHaveLength(everywhere)
  })

  it('a run that is asked to end waits no longer, and the measurement ends with the last one that waits', async () => {
    const spawn = answering({ 'onnxruntime cpu': 'hang' })
    const measuring = measuringWith(spawn)
    const [first, second] = [new AbortController(), new AbortController()]
    const runs = [first, second].map(({ signal }) =>
      measuring.beforeRun(configOf(), () => undefined, signal, alone),
    )
    await vi.waitFor(() => expect(spawn.started).toEqual(['onnxruntime cpu']))
    first.abort()
    await runs[0]
    expect(spawn.running()).toBe(1)
    second.abort()
    await runs[1]
    expect(spawn.running()).toBe(0)
    expect(spawn.started).toEqual(['onnxruntime cpu'])
    expect(existsSync(join(home, 'cache'))).toBe(false)
  })

  it('what cannot be kept is said, and the run begins all the same', async () => {
    const folder = join(home, 'file')
    writeFileSync(folder, '')
    const said: string[] = []
    await measuringWith(answering(steps), { folder }).beforeRun(
      configOf(),
      (level, text) => void (level === 'warning' && said.push(text)),
      going(),
      alone,
    )
    expect(said).toEqual([expect.stringMatching(/could not be kept: .*file/)])
  })
})

describe('measuring that a person has stopped', () => {
  it('is not begun again by the next run, but by the next who asks for it', async () => {
    const spawn = answering({ 'onnxruntime cpu': 'hang' })
    const measuring = measuringWith(spawn)
    const first = measuring.beforeRun(configOf(), () => undefined, going(), alone)
    await vi.waitFor(() => expect(spawn.running()).toBe(1))
    measuring.stop()
    await first
    await measuring.beforeRun(configOf(), () => undefined, going(), alone)
    expect(spawn.started).toEqual(['onnxruntime cpu'])
    const asked = measuring.measure()
    await vi.waitFor(() => expect(spawn.running()).toBe(1))
    await measuring.close()
    await asked
    const next = measuring.beforeRun(configOf(), () => undefined, going(), alone)
    await vi.waitFor(() => expect(spawn.running()).toBe(1))
    await measuring.close()
    await next
    expect(spawn.started).toHaveLength(3)
  })

  it('is begun by the next run where nothing was under way to be stopped', async () => {
    const spawn = answering(steps)
    const measuring = measuringWith(spawn)
    measuring.stop()
    await measuring.beforeRun(configOf(), () => undefined, going(), alone)
    expect(spawn.started).toHaveLength(everywhere)
  })
})

describe('a run that begins while others compute', () => {
  /** Runs that compute until they are ended, the first one first. */
  function computing(count: number): { nextEnd: () => Promise<void> | undefined; endNext: () => void } {
    const runs = Array.from({ length: count }, () => Promise.withResolvers<void>())
    return { nextEnd: () => runs[0]?.promise, endNext: () => runs.shift()?.resolve() }
  }

  it('measures when the last of them has ended, and says so', async () => {
    const spawn = answering(steps)
    const others = computing(2)
    const said: string[] = []
    const say = (_: string, text: string): void => void said.push(text)
    const run = measuringWith(spawn).beforeRun(configOf(), say, going(), others.nextEnd)
    await vi.waitFor(() => expect(said).toEqual([expect.stringMatching(/waits for the end of these/)]))
    others.endNext()
    await setImmediate()
    expect(spawn.started).toEqual([])
    others.endNext()
    await run
    expect(spawn.started).toHaveLength(everywhere)
    expect(said).toHaveLength(2)
  })

  it.each([
    ['it is asked to end', (_: DeviceMeasuring, run: AbortController) => run.abort()],
    ['a person stops the measuring', (measuring: DeviceMeasuring) => measuring.stop()],
  ])('waits no longer where %s, and measures nothing', async (_, end) => {
    const spawn = answering(steps)
    const told: unknown[] = []
    const measuring = measuringWith(spawn, { publish: (_topic, message) => told.push(message) })
    const controller = new AbortController()
    const { nextEnd } = computing(1)
    const run = measuring.beforeRun(configOf(), () => undefined, controller.signal, nextEnd)
    await vi.waitFor(() => expect(told).toEqual([{ done: 0, total: everywhere }]))
    end(measuring, controller)
    await run
    expect(spawn.started).toEqual([])
    expect(told.at(-1)).toEqual({ done: everywhere, total: everywhere })
  })

  it('takes what a person measures meanwhile', async () => {
    const spawn = answering(steps)
    const said: string[] = []
    const measuring = measuringWith(spawn)
    const { nextEnd } = computing(1)
    const run = measuring.beforeRun(configOf(), (_, text) => void said.push(text), going(), nextEnd)
    await vi.waitFor(() => expect(said).toHaveLength(1))
    await measuring.measure()
    await run
    expect(spawn.started).toHaveLength(everywhere)
  })
})

it('a run with a device by name waits for a measurement that is under way', async () => {
  const spawn = answering({ 'onnxruntime cpu': 'hang' })
  const said: string[] = []
  const measuring = measuringWith(spawn)
  const asked = measuring.measure()
  await vi.waitFor(() => expect(spawn.running()).toBe(1))
  const named = configOf({}, { engine: { engine: 'onnxruntime', device: 'cpu' } })
  let begun = false
  const run = measuring.beforeRun(named, (_, text) => void said.push(text), going(), alone)
  void run.then(() => (begun = true))
  await setImmediate()
  expect(begun).toBe(false)
  measuring.stop()
  await Promise.all([asked, run])
  expect(said).toEqual([expect.stringMatching(/begins after that/)])
})

it('a program that closes ends the process that measures', async () => {
  const spawn = answering({ 'onnxruntime cpu': 'hang' })
  const workbench = await createWorkbench({
    home,
    host: 'server',
    assets: assetsFolder(),
    spawnTrainer: spawn,
  })
  const asked = workbench.invoke('system.devices', { measure: true })
  await vi.waitFor(() => expect(spawn.running()).toBe(1))
  await workbench.close()
  expect(spawn.running()).toBe(0)
  await asked
})

describe('a run whose devices are being measured', () => {
  let at: RunsHome
  afterEach(async () => {
    await at.close()
    removeHome(at.home)
  })

  /** A run service whose measurement hangs on its first device. */
  function openHanging(): ReturnType<typeof answering> {
    const spawn = answering({ 'onnxruntime cpu': 'hang' })
    at = openRunsHome({ beforeRun: measuringWith(spawn).beforeRun })
    return spawn
  }

  it('waits in the queue, says so in its log, and begins when they are', async () => {
    const spawn = answering(steps)
    at = openRunsHome({ beforeRun: measuringWith(spawn).beforeRun })
    const { id } = await at.runs['runs.start'](configOf({ steps: 5 }))
    await at.reaches(id, 'finished')
    expect(spawn.started).toHaveLength(everywhere)
    const [first, second] = await at.runs['runs.log']({ id, after: 0 })
    expect(first?.text).toMatch(/measured once now/)
    expect(second?.text).toBe('started')
  })

  it.each([
    ['paused', 'runs.pause'],
    ['stopped', 'runs.stop'],
  ] as const)('is %s at once when that is asked for, and no trainer is started', async (status, ask) => {
    const spawn = openHanging()
    const { id } = await at.runs['runs.start'](configOf())
    await vi.waitFor(() => expect(spawn.running()).toBe(1))
    expect((await at.runs['runs.get']({ id })).status).toBe('queued')
    expect((await at.runs[ask]({ id })).status).toBe(status)
    expect(spawn.running()).toBe(0)
    expect((await at.runs['runs.get']({ id })).environment).toBeUndefined()
  })

  it('stays in the queue when the program closes, and begins with the next one', async () => {
    const spawn = openHanging()
    const { id } = await at.runs['runs.start'](configOf({ steps: 5 }))
    await vi.waitFor(() => expect(spawn.running()).toBe(1))
    await at.close()
    expect(spawn.running()).toBe(0)
    at = openRunsHome({ home: at.home })
    expect((await at.reaches(id, 'finished')).progress?.step).toBe(5)
  })

  it('computes beside no other run: it measures when the one that was there before has ended', async () => {
    const spawn = answering(steps)
    at = openRunsHome({ beforeRun: measuringWith(spawn).beforeRun, limits: { concurrency: 2 } })
    const named = { engine: { engine: 'onnxruntime', device: 'cpu' } }
    const { id: other } = await at.runs['runs.start'](configOf({ steps: 5, waitAt: 1 }, named))
    await at.reachesStep(other, 1)
    const { id } = await at.runs['runs.start'](configOf({ steps: 5 }))
    const log = async () => (await at.runs['runs.log']({ id, after: 0 })).map(({ text }) => text)
    await vi.waitFor(async () => expect(await log()).toEqual([expect.stringMatching(/waits for the end/)]))
    expect(spawn.started).toEqual([])
    await at.runs['runs.stop']({ id: other })
    await at.reaches(id, 'finished')
    expect(spawn.started).toHaveLength(everywhere)
  })
})
