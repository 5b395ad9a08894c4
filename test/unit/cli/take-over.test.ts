import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { assetsFolder } from '../../../main/assets.ts'
import { attachOrOpen, type Connection } from '../../../main/attach.ts'
import { createWorkbench } from '../../../main/services/index.ts'
import { forkTrainer } from '../../../main/services/trainer-process.ts'
import type { DatasetSummary, ExperimentSummary } from '../../../preload/contract.ts'
import { scriptedTrainer } from '../../fixtures/runs-home.ts'
import { startProgram } from './program.ts'

/** A workbench of this process, busy with a run that does not end, to which the commands attach and wait. */
let home: string
let holder: Connection
let dataset: string

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'workbench-take-over-'))
  holder = await attachOrOpen(home, () =>
    createWorkbench({
      home,
      host: 'cli',
      assets: assetsFolder(),
      spawnTrainer: forkTrainer(scriptedTrainer),
      limits: { interval: 10 },
    }),
  )
  await holder.invoke('datasets.addSamples', {})
  const [first] = (await holder.invoke('datasets.list', {})) as DatasetSummary[]
  dataset = first?.name ?? ''
  await holder.invoke('runs.start', {
    ...{ name: JSON.stringify({ waitAt: 5 }), modelId: 'starter', datasetId: first?.id },
    method: { name: 'head' },
  })
})

afterEach(async () => {
  await holder.close()
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
})

describe('a command whose run waits in the workbench of another process', () => {
  it('goes on with it when that process ends', async () => {
    const flags = ['--dataset', dataset, '--method', 'head', '--epochs', '1', '--json']
    const { read, ended } = startProgram('cli', ['train', ...flags], { home })
    await expect.poll(() => read.stderr, { timeout: 20_000 }).toContain('queued')
    await holder.close()
    const { code, stdout, stderr } = await ended
    expect(stderr).toContain('The program that had this run ended; it goes on here.')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ method: 'head', best: { epoch: 1 } })
  })

  it('goes on with its experiment too', async () => {
    const file = join(home, 'experiment.json')
    writeFileSync(
      file,
      JSON.stringify({
        ...{ name: 'one', modelIds: ['starter'], datasetIds: [dataset], seeds: [1] },
        variants: [{ name: 'Head', method: { name: 'head' } }],
        training: { epochs: 1 },
      }),
    )
    const { read, ended } = startProgram('cli', ['experiment', 'run', '--config', file, '--json'], { home })
    await expect.poll(() => read.stderr, { timeout: 20_000 }).toContain('0 of 1 runs')
    await holder.close()
    const { code, stdout } = await ended
    expect(code).toBe(0)
    const { experiment } = JSON.parse(stdout) as { experiment: ExperimentSummary }
    expect(experiment).toMatchObject({ status: 'finished', counts: { finished: 1 } })
  })
})
