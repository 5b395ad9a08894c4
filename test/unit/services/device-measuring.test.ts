import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { chooseDevice } from '../../../main/engines/device-choice.ts'
import { readDevices, writeDevices } from '../../../main/engines/device-file.ts'
import { knownDevices } from '../../../main/engines/devices.ts'
import { createDeviceMeasuring, type DeviceMeasuring } from '../../../main/services/device-measuring.ts'
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
  { card = true, folder = home } = {},
): DeviceMeasuring {
  return createDeviceMeasuring({
    ...{ home: folder, spawnTrainer },
    publish: () => undefined,
    mayHaveGraphicsCard: async () => card,
  })
}

const auto = { engine: 'auto', device: 'auto' } as const
const going = (): AbortSignal => new AbortController().signal

describe('before a run', () => {
  it('the devices are measured once where there may be a card, and the run then takes the fastest', async () => {
    const spawn = answering(steps)
    const said: string[] = []
    const say = (level: string, text: string): void => void said.push(`${level}: ${text}`)
    const measuring = measuringWith(spawn)
    await measuring.beforeRun(configOf(), say, going())
    expect(spawn.started).toHaveLength(everywhere)
    expect(chooseDevice(auto, await readDevices(join(home, 'cache')))).toMatchObject({
      engine: 'onnxruntime',
      device: 'webgpu',
    })
    await measuring.beforeRun(configOf(), say, going())
    expect(spawn.started).toHaveLength(everywhere)
    expect(said).toEqual([
      expect.stringMatching(/^info: .*measured once now, so that “auto” takes the fastest/),
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
    await measuringWith(spawn).beforeRun(configOf({}, rest), () => undefined, going())
    expect(spawn.started).toEqual([])
  })

  it('nothing is measured where the machine shows no graphics card', async () => {
    const spawn = answering(steps)
    await measuringWith(spawn, { card: false }).beforeRun(configOf(), () => undefined, going())
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
    await measuring.beforeRun(configOf({}, { engine: { device: 'webgpu' } }), () => undefined, going())
    expect(spawn.started).toHaveLength(everywhere)
  })

  it('runs that begin together wait for one measurement', async () => {
    const spawn = answering(steps)
    const measuring = measuringWith(spawn)
    const begin = () => measuring.beforeRun(configOf(), () => undefined, going())
    await Promise.all([begin(), begin()])
    expect(spawn.started).toHaveLength(everywhere)
  })

  it('a run that is asked to end waits no longer, and the measurement ends with the last one that waits', async () => {
    const spawn = answering({ 'onnxruntime cpu': 'hang' })
    const measuring = measuringWith(spawn)
    const [first, second] = [new AbortController(), new AbortController()]
    const runs = [first, second].map(({ signal }) => measuring.beforeRun(configOf(), () => undefined, signal))
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
    )
    expect(said).toEqual([expect.stringMatching(/could not be kept: .*file/)])
  })
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
})
