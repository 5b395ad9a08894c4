import { expect, it } from 'vitest'

import type { DeviceReport } from '../../../preload/contract.ts'
import { stubbed } from './stubbed.ts'

const at = stubbed()
const cli = (...args: string[]) => at.cli('devices', ...args)
const asked = () => at.calls.map(({ input }) => input)

const untried: DeviceReport[] = [
  { engine: 'onnxruntime', device: 'cpu', name: 'A processor', available: true, version: '1.30.0' },
]
const measured: DeviceReport[] = [
  {
    ...{ engine: 'onnxruntime', device: 'cpu', name: 'A processor', available: true, version: '1.30.0' },
    ...{
      stepMs: 61.4,
      memoryBytes: 16e9,
      chosen: 'The only measured device that fits: onnxruntime on cpu 61 ms.',
    },
  },
  {
    ...{ engine: 'tensorflow', device: 'tensorflow', name: '', available: false, version: '4.22.0' },
    problem: 'cannot be used: it is not there. Install its native part: npm run setup:tensorflow',
  },
  {
    ...{ engine: 'tensorflow', device: 'wasm', name: 'A processor', available: true, version: '4.22.0' },
    ...{ stepMs: 900, note: 'It has one thread.' },
  },
]

it('are shown as they were measured, with what is wrong and what auto takes', async () => {
  at.answers['system.devices'] = () => measured
  const { code, stdout } = await cli()
  expect(code).toBe(0)
  expect(asked()).toEqual([{ measure: false }])
  expect(stdout).toMatch(/onnxruntime +cpu +A processor +16 GB +1\.30\.0 +61 ms +yes/)
  expect(stdout).toMatch(/tensorflow +tensorflow +4\.22\.0 +no/)
  expect(stdout).toContain('tensorflow on tensorflow: cannot be used: it is not there. Install')
  expect(stdout).toContain('tensorflow on wasm: It has one thread.')
  expect(stdout).toContain('auto takes onnxruntime on cpu. The only measured device that fits')
})

it('are measured where that was never done', async () => {
  at.answers['system.devices'] = (input) => {
    return (input as { measure: boolean }).measure ? measured : untried
  }
  const { stdout } = await cli('--json')
  expect(asked()).toEqual([{ measure: false }, { measure: true }])
  expect(JSON.parse(stdout)).toEqual(measured)
})

it('are measured anew on request', async () => {
  at.answers['system.devices'] = () => measured
  await cli('--measure')
  expect(asked()).toEqual([{ measure: false }, { measure: true }])
})
