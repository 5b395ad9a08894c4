import { beforeEach, expect, it } from 'vitest'

import { dataset, run } from './answers.ts'
import { stubbed } from './stubbed.ts'

const at = stubbed()

const program = {
  engine: { engine: 'tensorflow', device: 'webgpu', threads: 3, cacheMegabytes: 10, fallbackToCpu: true },
  backbonePrecision: 'float16',
}

beforeEach(() => {
  at.answers['settings.get'] = () => program
  at.answers['methods.list'] = () => [{ name: 'seq_bn' }]
  at.answers['adapters.list'] = () => []
  at.answers['models.list'] = () => [{ id: 'm1', name: 'starter', folder: '/models/starter' }]
  at.answers['datasets.list'] = () => [dataset]
  at.answers['runs.start'] = at.answers['runs.get'] = () => run
})

async function startedWith(...flags: string[]): Promise<unknown> {
  expect((await at.cli('train', '--dataset', 'd1', ...flags)).code).toBe(0)
  return at.inputOf('runs.start')
}

it('takes engine and precision from the settings where no flag says otherwise', async () => {
  expect(await startedWith()).toMatchObject({
    engine: program.engine,
    training: { backbonePrecision: 'float16' },
  })
})

it('leaves none of the settings’ device where a flag names engine or device', async () => {
  expect(await startedWith('--device', 'cpu')).toMatchObject({
    engine: { ...program.engine, engine: 'auto', device: 'cpu' },
  })
})

it('takes what flags say', async () => {
  const flags = ['--backbone-precision', 'float32', '--no-fallback-to-cpu', '--batch-tokens', '2048']
  expect(await startedWith(...flags, '--cache-megabytes', '0')).toMatchObject({
    engine: { ...program.engine, cacheMegabytes: 0, fallbackToCpu: false },
    training: { backbonePrecision: 'float32', batchTokens: 2048 },
  })
})
