import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import type { DeviceReport } from '../../../preload/contract.ts'
import { calibrate } from '../../../main/engines/calibration.ts'
import { chooseDevice, refuseDevice } from '../../../main/engines/device-choice.ts'
import { readDevices, writeDevices } from '../../../main/engines/device-file.ts'
import { knownDevices, openDevice, openEngine } from '../../../main/engines/devices.ts'
import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'

const folder = mkdtempSync(join(tmpdir(), 'workbench-devices-'))
afterAll(() => rmSync(folder, { recursive: true }))

function report(engine: DeviceReport['engine'], device: string, stepMs?: number): DeviceReport {
  const common = { engine, device, name: 'a card', version: '1.0.0' }
  return stepMs === undefined
    ? { ...common, available: false, problem: 'It is not there.' }
    : { ...common, available: true, stepMs }
}

const measured = [
  report('onnxruntime', 'cpu', 60),
  report('onnxruntime', 'webgpu', 25),
  report('tensorflow', 'tensorflow', 20),
  report('tensorflow', 'webgpu', 30),
  report('tensorflow', 'wasm', 900),
]

describe('the device of a run', () => {
  it.each([
    ['auto', 'auto', 'tensorflow', 'tensorflow'],
    ['onnxruntime', 'auto', 'onnxruntime', 'webgpu'],
    ['tensorflow', 'auto', 'tensorflow', 'tensorflow'],
    ['auto', 'webgpu', 'onnxruntime', 'webgpu'],
    ['auto', 'wasm', 'tensorflow', 'wasm'],
  ] as const)('for %s and %s is the fastest that fits', (engine, device, chosenEngine, chosenDevice) => {
    const { reason, ...chosen } = chooseDevice({ engine, device }, measured)
    expect(chosen).toEqual({ engine: chosenEngine, device: chosenDevice })
    expect(reason).toMatch(/measured/)
  })

  it('is what was asked for, measured or not', () => {
    const asked = { engine: 'tensorflow', device: 'webgpu' } as const
    expect(chooseDevice(asked, measured)).toMatchObject(asked)
    expect(chooseDevice(asked, [])).toMatchObject(asked)
  })

  it.each([
    ['auto', 'auto', 'onnxruntime', 'cpu'],
    ['onnxruntime', 'auto', 'onnxruntime', 'cpu'],
    ['tensorflow', 'auto', 'tensorflow', 'wasm'],
    ['auto', 'webgpu', 'onnxruntime', 'webgpu'],
    ['auto', 'tensorflow', 'tensorflow', 'tensorflow'],
  ] as const)(
    'for %s and %s is one that is everywhere before any was measured',
    (engine, device, chosenEngine, chosenDevice) => {
      const { reason, ...chosen } = chooseDevice({ engine, device }, [report('onnxruntime', 'webgpu')])
      expect(chosen).toEqual({ engine: chosenEngine, device: chosenDevice })
      expect(reason).toMatch(/No device that fits was measured/)
    },
  )
})

describe('the device of a run in 8 bits', () => {
  it.each([
    ['auto', 'auto'],
    ['onnxruntime', 'auto'],
    ['auto', 'cpu'],
    ['onnxruntime', 'cpu'],
  ] as const)('for %s and %s is the one that computes in them, however fast others are', (engine, device) => {
    expect(() => refuseDevice({ engine, device }, 'int8')).not.toThrow()
    expect(chooseDevice({ engine, device }, measured, 'int8')).toMatchObject({
      engine: 'onnxruntime',
      device: 'cpu',
    })
  })

  it.each([
    ['tensorflow', 'auto', 'tensorflow'],
    ['auto', 'webgpu', 'webgpu'],
    ['tensorflow', 'cpu', 'tensorflow on cpu'],
    ['onnxruntime', 'cuda', 'onnxruntime on cuda'],
  ] as const)('is not %s on %s', (engine, device, named) => {
    expect(() => refuseDevice({ engine, device }, 'int8')).toThrow(
      `training.backbonePrecision: ${named} has no products of 8 bits. Choose onnxruntime on cpu`,
    )
    expect(() => refuseDevice({ engine, device }, 'float16')).not.toThrow()
  })
})

describe('measurements', () => {
  it('are read as they were written', async () => {
    const devices = [...measured, report('onnxruntime', 'cuda')]
    await writeDevices(folder, devices)
    expect(await readDevices(folder)).toEqual(devices)
  })

  it('of another machine say nothing', async () => {
    await writeDevices(folder, measured)
    const file = join(folder, 'devices.json')
    const content = JSON.parse(readFileSync(file, 'utf8')) as { machine: string }
    writeFileSync(file, JSON.stringify({ ...content, machine: `${content.machine}, and more` }))
    expect(await readDevices(folder)).toEqual([])
  })

  it.each(['', '{', '{"machine":1}', 'null'])('in a damaged file (%j) say nothing', async (text) => {
    writeFileSync(join(folder, 'devices.json'), text)
    expect(await readDevices(folder)).toEqual([])
  })

  it('are missing where nothing was measured', async () => {
    expect(await readDevices(join(folder, 'nowhere'))).toEqual([])
  })
})

describe('an engine', () => {
  it('of a run says why it was chosen', async () => {
    await writeDevices(folder, [report('onnxruntime', 'cpu', 60), report('tensorflow', 'cpu', 20)])
    const engine = await openEngine({ engine: 'auto', device: 'auto', threads: 0 }, folder)
    expect(engine).toMatchObject({ name: 'tensorflow', device: 'cpu' })
    expect(engine.reason).toBe(
      'The fastest in a measured step: tensorflow on cpu 20 ms, onnxruntime on cpu 60 ms.',
    )
  })

  it('of a run in 8 bits is one that computes in them', async () => {
    const engine = await openEngine({ engine: 'auto', device: 'auto', threads: 0 }, folder, 'int8')
    expect(engine).toMatchObject({ name: 'onnxruntime', device: 'cpu' })
    expect(engine.reason).toMatch(/computes products of 8 bits/)
  })

  it.each([
    ['onnxruntime', 'wasm'],
    ['tensorflow', 'cuda'],
    ['torch', 'cpu'],
  ])('%s on %s is refused, naming those there are', async (engine, device) => {
    await expect(openDevice({ engine, device }, 0)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/onnxruntime on cpu.*tensorflow on tensorflow/) as string,
    })
  })

  it('on a device that its build lacks says what brings it', async () => {
    const foreign = process.platform === 'win32' ? 'coreml' : 'dml'
    expect(knownDevices()).not.toContainEqual({ engine: 'onnxruntime', device: foreign })
    await expect(openDevice({ engine: 'onnxruntime', device: foreign }, 0)).rejects.toThrow(
      /has no device .* It needs (?:macOS|Windows)/,
    )
  })
})

describe('a calibration step', () => {
  it('takes time', async () => {
    expect(await calibrate(createOnnxRuntimeEngine({ threads: 1 }))).toBeGreaterThan(0)
  })

  it('trains: its gradients are not all 0', async () => {
    let gradient: ArrayLike<number | bigint> = []
    const engine = createOnnxRuntimeEngine({ threads: 1 })
    await calibrate({
      ...engine,
      async compile(graph, options) {
        const compiled = await engine.compile(graph, options)
        return {
          setState: compiled.setState.bind(compiled),
          state: compiled.state.bind(compiled),
          dispose: compiled.dispose.bind(compiled),
          async run(feeds, fetch) {
            const outputs = await compiled.run(feeds, fetch)
            gradient = outputs['gradient']?.data ?? []
            return outputs
          },
        }
      },
    })
    expect(gradient).toHaveLength(4)
    for (const part of Array.from(gradient, Number)) expect(part).toBeGreaterThan(1e-9)
  })
})
