import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import type { DeviceReport } from '../../../preload/contract.ts'
import { calibrate } from '../../../main/engines/calibration.ts'
import { chooseDevice, refuseDevice } from '../../../main/engines/device-choice.ts'
import { readDevices, writeDevices } from '../../../main/engines/device-file.ts'
import { knownDevices, noteFor, openDevice, openEngine } from '../../../main/engines/devices.ts'
import { hasRenderNode } from '../../../main/engines/hardware.ts'
import { traceOf } from '../../../main/engines/native-trace.ts'
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
      expect(reason).toBe('No device that fits was measured on this machine yet.')
    },
  )

  it('is what is everywhere on a machine without a graphics card, and the reason says that', () => {
    const { reason, ...chosen } = chooseDevice({ engine: 'auto', device: 'auto' }, [], 'float32', false)
    expect(chosen).toEqual({ engine: 'onnxruntime', device: 'cpu' })
    expect(reason).toBe('No device that fits was measured on this machine, which shows no graphics card.')
  })
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
    const noted = { ...report('tensorflow', 'cpu', 700), note: 'It is slow.', memoryBytes: 8e9 }
    const devices = [...measured, report('onnxruntime', 'cuda'), noted]
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

  it.each([
    ['version of onnxruntime', /onnxruntime [\d.]+/],
    ['version of TensorFlow.js', /tfjs [\d.]+/],
    ['installed native part', /native \w+/],
  ])('of another %s say nothing', async (_, part) => {
    await writeDevices(folder, measured)
    const file = join(folder, 'devices.json')
    const content = JSON.parse(readFileSync(file, 'utf8')) as { machine: string }
    const machine = content.machine.replace(part, (before) => `${before}0`)
    expect(machine).not.toBe(content.machine)
    writeFileSync(file, JSON.stringify({ ...content, machine }))
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

describe('a machine', () => {
  it('may have a graphics card where Linux lists something that renders', () => {
    expect(hasRenderNode(join(folder, 'nowhere'))).toBe(false)
    const dri = join(folder, 'dri')
    mkdirSync(dri)
    writeFileSync(join(dri, 'card0'), '')
    expect(hasRenderNode(dri)).toBe(false)
    writeFileSync(join(dri, 'renderD128'), '')
    expect(hasRenderNode(dri)).toBe(true)
  })
})

describe('what is installed for the engines', () => {
  it('has another trace when a file comes, grows or goes, and the same when it is installed anew', () => {
    const bin = join(folder, 'bin')
    const library = join(bin, 'linux', 'library.so')
    const trace = (): string => traceOf([bin, join(folder, 'nowhere')])
    const empty = trace()
    mkdirSync(join(bin, 'linux'), { recursive: true })
    expect(trace()).toBe(empty)
    writeFileSync(library, 'one')
    const one = trace()
    writeFileSync(library, 'other')
    const grown = trace()
    expect(new Set([empty, one, grown]).size).toBe(3)
    rmSync(library)
    expect(trace()).toBe(empty)
    writeFileSync(library, 'one')
    utimesSync(library, 1, 1)
    expect(trace()).toBe(one)
  })
})

describe('the device tensorflow', () => {
  const card = { name: 'NVIDIA T4', memoryBytes: 16e9 }

  it('on the processor of a machine with a CUDA card says what brings it to the card', () => {
    expect(noteFor({ engine: 'tensorflow', device: 'tensorflow' }, card)).toMatch(
      /on the processor, not on the NVIDIA T4.*setup:tensorflow -- --libtensorflow.*CUDA 12\.2 and cuDNN 8\.9/,
    )
  })

  it('has nothing to say where there is no card, nor has another device', () => {
    expect(noteFor({ engine: 'tensorflow', device: 'tensorflow' }, undefined)).toBeUndefined()
    expect(noteFor({ engine: 'tensorflow', device: 'wasm' }, card)).toBeUndefined()
    expect(noteFor({ engine: 'onnxruntime', device: 'cpu' }, card)).toBeUndefined()
  })
})

describe('an engine', () => {
  it('on a card that another engine drives names it as it was measured, and loads no Dawn to ask', async () => {
    const webgpu = { engine: 'onnxruntime', device: 'webgpu', threads: 0 } as const
    await writeDevices(folder, measured)
    expect(await openEngine(webgpu, folder)).toMatchObject({ hardware: 'a card' })
    await writeDevices(folder, [])
    expect(await openEngine(webgpu, folder)).not.toHaveProperty('hardware')
    expect(globalThis.navigator).not.toHaveProperty('gpu')
  })

  it('on the processor names no other hardware', async () => {
    const engine = await openEngine({ engine: 'onnxruntime', device: 'cpu', threads: 1 }, folder)
    expect(engine).not.toHaveProperty('hardware')
  })

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
