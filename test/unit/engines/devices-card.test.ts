import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { DeviceReport } from '../../../preload/contract.ts'
import { readDevices, writeDevices } from '../../../main/engines/device-file.ts'
import { openEngine } from '../../../main/engines/devices.ts'
import { askForCudaCard } from '../../../main/engines/hardware.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-card-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** Leaves a program with this tool of a driver only, or with none. */
function useTool(script?: string): void {
  const bin = join(folder, 'bin')
  rmSync(bin, { recursive: true, force: true })
  mkdirSync(bin)
  if (script !== undefined) {
    const tool = join(bin, 'nvidia-smi')
    writeFileSync(tool, `#!/bin/sh\n${script}\n`)
    chmodSync(tool, 0o755)
  }
  vi.stubEnv('PATH', bin)
}

const failing = 'echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18'

const devices: DeviceReport[] = [
  { engine: 'onnxruntime', device: 'webgpu', name: 'a card', version: '1.0.0', available: true, stepMs: 9 },
]

describe('the card', () => {
  it('is none where there is no tool, and where the tool lists none', async () => {
    useTool()
    expect(await askForCudaCard()).toBe('none')
    useTool('echo "No devices were found"')
    expect(await askForCudaCard()).toBe('none')
  })

  it('is unknown where the tool fails', async () => {
    useTool(failing)
    expect(await askForCudaCard()).toBe('unknown')
  })

  it('is unknown where the tool does not answer in time', async () => {
    useTool('while :; do :; done')
    expect(await askForCudaCard(100)).toBe('unknown')
  })
})

describe('measurements', () => {
  it.each([
    ['now', devices, (): void => useTool(failing)],
    ['now, as there is no tool any more,', [], (): void => useTool()],
  ])('with a card that %s cannot be named: %j', async (_, expected, change) => {
    useTool()
    await writeDevices(folder, devices)
    const file = join(folder, 'devices.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), card: 'NVIDIA T4' }))
    change()
    expect(await readDevices(folder)).toEqual(expected)
  })

  it('count where the card could not be named when they were made', async () => {
    useTool(failing)
    await writeDevices(folder, devices)
    useTool()
    expect(await readDevices(folder)).toEqual(devices)
  })
})

describe('the device of a run', () => {
  const asked = (): string => join(folder, 'asked')

  it.each([
    ['that names it', { engine: 'onnxruntime', device: 'cpu' }, 'float32'],
    ['in 8 bits', { engine: 'auto', device: 'auto' }, 'int8'],
  ] as const)('%s is opened without asking for the card', async (_, choice, precision) => {
    useTool()
    await writeDevices(folder, devices)
    useTool(`: > '${asked()}'; exit 1`)
    await openEngine({ ...choice, threads: 1 }, folder, precision)
    expect(existsSync(asked())).toBe(false)
  })

  it('left to auto is opened for the card that is there', async () => {
    useTool()
    await writeDevices(folder, devices)
    useTool(`: > '${asked()}'; exit 1`)
    const engine = await openEngine({ engine: 'auto', device: 'auto', threads: 1 }, folder)
    expect(engine).toMatchObject({ device: 'webgpu', hardware: 'a card' })
    expect(existsSync(asked())).toBe(true)
  })
})
