import { describe, expect, it } from 'vitest'

import type { DeviceReport } from '../../../preload/contract.ts'
import { deviceChoice, deviceOptions, deviceValue } from '../../../renderer/lib/engine-choice.ts'

const common = { name: '', version: '1.0.0' }
const devices: DeviceReport[] = [
  { ...common, engine: 'onnxruntime', device: 'cpu', available: true, stepMs: 61.4 },
  { ...common, engine: 'onnxruntime', device: 'webgpu', available: false, problem: 'There is no adapter.' },
  {
    ...common,
    engine: 'tensorflow',
    device: 'wasm',
    available: false,
    untried: true,
    problem: 'It was not tried yet: measure the devices.',
  },
]
const auto = { engine: 'auto', device: 'auto' } as const

describe('the devices that a form offers', () => {
  it('are the automatic one and each that is known, with its time or what is wrong', () => {
    expect(deviceOptions(devices, auto)).toEqual([
      { value: 'auto on auto', label: 'Automatic', disabled: false },
      { value: 'onnxruntime on cpu', label: 'cpu · onnxruntime, 61 ms a step', disabled: false },
      { value: 'onnxruntime on webgpu', label: 'webgpu · onnxruntime, not available', disabled: true },
      { value: 'tensorflow on wasm', label: 'wasm · tensorflow, not tried yet', disabled: false },
    ])
  })

  it.each([
    [{ engine: 'auto', device: 'webgpu' }, 'webgpu, by the faster engine'],
    [{ engine: 'tensorflow', device: 'auto' }, 'tensorflow, on the fastest device'],
    [{ engine: 'onnxruntime', device: 'cuda' }, 'cuda · onnxruntime'],
  ] as const)('hold what is chosen where it is none of these: %o', (chosen, label) => {
    expect(deviceOptions(devices, chosen).at(-1)).toEqual({
      value: deviceValue(chosen),
      label,
      disabled: false,
    })
  })

  it('leave a chosen one that cannot be used to be seen', () => {
    const chosen = { engine: 'onnxruntime', device: 'webgpu' } as const
    expect(deviceOptions(devices, chosen)[2]?.disabled).toBe(false)
  })

  it('stand for the choice that they are', () => {
    for (const { value } of deviceOptions(devices, auto)) expect(deviceValue(deviceChoice(value))).toBe(value)
  })
})
