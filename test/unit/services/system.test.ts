import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it, vi } from 'vitest'

import packageJson from '../../../package.json' with { type: 'json' }
import type { DeviceProgress, DeviceReport } from '../../../preload/contract.ts'
import { mayHaveGraphicsCard } from '../../../main/engines/hardware.ts'
import { createDeviceMeasuring } from '../../../main/services/device-measuring.ts'
import type { Publish } from '../../../main/services/events.ts'
import { createSystemService } from '../../../main/services/system.ts'
import { forkTrainer, type SpawnTrainer } from '../../../main/services/trainer-process.ts'
import { answering } from '../../fixtures/answering-devices.ts'

const homes: string[] = []
afterAll(() => homes.forEach((home) => rmSync(home, { recursive: true, force: true })))

function serviceWith(spawnTrainer: SpawnTrainer, home?: string) {
  if (home === undefined) homes.push((home = mkdtempSync(join(tmpdir(), 'workbench-system-'))))
  const told: DeviceProgress[] = []
  const publish: Publish = (topic, message) => {
    if (topic === 'devices.progress') told.push(message as DeviceProgress)
  }
  const measuring = createDeviceMeasuring({
    home,
    spawnTrainer,
    publish,
    mayHaveGraphicsCard: async () => true,
  })
  return { home, told, system: createSystemService({ home, host: 'server', measuring }) }
}

const find = (devices: readonly DeviceReport[], engine: string, device: string): DeviceReport | undefined =>
  devices.find((report) => report.engine === engine && report.device === device)

it('says what the program is and runs on', () => {
  const { system, home } = serviceWith(answering({}))
  expect(system['system.info']({})).toMatchObject({
    version: packageJson.version,
    home,
    host: 'server',
    node: process.versions.node,
  })
})

describe('devices', () => {
  it('are listed without being touched, the processor as one that can be used', async () => {
    const spawn = answering({})
    const devices = await serviceWith(spawn).system['system.devices']({ measure: false })
    expect(spawn.started).toEqual([])
    expect(find(devices, 'onnxruntime', 'cpu')).toMatchObject({
      available: true,
      name: expect.stringMatching(/\w/) as string,
      version: packageJson.dependencies['onnxruntime-node'],
      chosen: (await mayHaveGraphicsCard())
        ? 'No device that fits was measured on this machine yet.'
        : 'No device that fits was measured on this machine, which shows no graphics card.',
    })
    expect(find(devices, 'tensorflow', 'wasm')).toMatchObject({
      available: false,
      problem: expect.stringMatching(/measure/) as string,
      version: packageJson.dependencies['@tensorflow/tfjs-core'],
    })
  })

  it('are measured one after another, and auto takes the fastest and says why', async () => {
    const spawn = answering({ 'onnxruntime cpu': 60, 'onnxruntime webgpu': 12.4, 'tensorflow wasm': 800 })
    const { system } = serviceWith(spawn)
    const devices = await system['system.devices']({ measure: true })
    expect(spawn.started).toEqual(devices.map(({ engine, device }) => `${engine} ${device}`))
    expect(devices.filter(({ chosen }) => chosen !== undefined)).toEqual([
      {
        ...{ engine: 'onnxruntime', device: 'webgpu', name: 'a card', version: '1.0.0' },
        ...{ available: true, stepMs: 12.4 },
        chosen:
          'The fastest in a measured step: onnxruntime on webgpu 12 ms, onnxruntime on cpu 60 ms, tensorflow on wasm 800 ms.',
      },
    ])
    expect(find(devices, 'tensorflow', 'cpu')).toMatchObject({
      available: false,
      problem: 'It is not there.',
    })
  })

  it('tell how far measuring them has come', async () => {
    const { system, told } = serviceWith(answering({ 'onnxruntime cpu': 60 }))
    const devices = await system['system.devices']({ measure: true })
    const total = devices.length
    expect(told).toEqual([
      ...devices.map(({ engine, device }, done) => ({ done, total, current: { engine, device } })),
      { done: total, total },
    ])
  })

  it('stay as they were measured before where measuring is stopped', async () => {
    const { home, system } = serviceWith(answering({ 'onnxruntime cpu': 60 }))
    const before = await system['system.devices']({ measure: true })
    const hanging = answering({ 'onnxruntime cpu': 10, 'onnxruntime webgpu': 'hang' })
    const again = serviceWith(hanging, home)
    const measuring = again.system['system.devices']({ measure: true })
    await vi.waitFor(() => expect(again.told.at(-1)?.current?.device).toBe('webgpu'))
    await again.system['system.stopMeasuring']({})
    expect(await measuring).toEqual(before)
    expect(hanging.started).toEqual(['onnxruntime cpu', 'onnxruntime webgpu'])
    const { total = 0 } = again.told.at(-1) ?? {}
    expect(again.told.at(-1)).toEqual({ done: total, total })
    await again.system['system.stopMeasuring']({})
  })

  it('keep what was measured for the next start', async () => {
    const { system, home } = serviceWith(answering({ 'onnxruntime cpu': 60 }))
    const measured = await system['system.devices']({ measure: true })
    const later = serviceWith(answering({}), home).system
    expect(await later['system.devices']({ measure: false })).toEqual(measured)
  })

  it('survive one that crashes whoever tries it, and say so', async () => {
    const { system } = serviceWith(answering({ 'onnxruntime cpu': 60, 'onnxruntime webgpu': 'crash' }))
    const devices = await system['system.devices']({ measure: true })
    expect(find(devices, 'onnxruntime', 'webgpu')).toMatchObject({
      available: false,
      problem: expect.stringMatching(/crashed \(SIGSEGV\)/) as string,
    })
    expect(find(devices, 'onnxruntime', 'cpu')?.stepMs).toBe(60)
  })

  it('are really tried by trainer processes', { timeout: 180_000 }, async () => {
    const { system } = serviceWith(forkTrainer())
    const devices = await system['system.devices']({ measure: true })
    expect(find(devices, 'onnxruntime', 'cpu')?.stepMs).toBeGreaterThan(0)
    expect(find(devices, 'tensorflow', 'wasm')?.stepMs).toBeGreaterThan(0)
    for (const { available, problem } of devices) expect(problem === undefined).toBe(available)
  })
})
