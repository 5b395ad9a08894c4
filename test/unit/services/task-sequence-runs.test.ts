import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { assetsFolder } from '../../../main/assets.ts'
import { describeComparison } from '../../../main/cli/compare-output.ts'
import { createWorkbench, type Workbench } from '../../../main/services/index.ts'
import { forkTrainer } from '../../../main/services/trainer-process.ts'
import type { Comparison, RunDetail } from '../../../preload/contract.ts'
import { removeHome } from '../../fixtures/runs-home.ts'
import { makeModelFolder } from '../../fixtures/tiny-model.ts'
import { wordRows } from '../../fixtures/training-run.ts'

/** Three tasks one after the other, by full fine-tuning and with adapters, in real trainer processes. */
const tasks = { news: ['bad', 'good'], mail: ['thing', 'it'], chat: ['film', 'the'] } as const
const methods = ['full', 'seq_bn'] as const

let home: string
let workbench: Workbench
const runs: Record<string, RunDetail[]> = {}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'workbench-sequence-'))
  workbench = await createWorkbench({
    ...{ home, host: 'server', assets: assetsFolder(), limits: { interval: 10 } },
    spawnTrainer: forkTrainer(fileURLToPath(new URL('../../../main/trainer.ts', import.meta.url))),
  })
  await makeModelFolder(join(home, 'tiny'))
  const model = await workbench.invoke('models.add', { folder: join(home, 'tiny') })
  const datasetIds: string[] = []
  for (const [name, words] of Object.entries(tasks)) {
    const folder = join(home, name)
    mkdirSync(folder)
    const files = (['train', 'validation', 'test'] as const).map((split) => {
      const path = join(folder, `${split}.jsonl`)
      const rows = wordRows([...words]).filter((row) => row.split === split)
      writeFileSync(path, rows.map(({ text, label }) => `${JSON.stringify({ text, label })}\n`).join(''))
      return { path, split }
    })
    datasetIds.push((await workbench.invoke('datasets.import', { name, files })).id)
  }
  for (const method of methods) {
    const chain: RunDetail[] = []
    for (const datasetId of datasetIds) {
      chain.push(await train({ modelId: model.id, datasetId, method, earlierRunId: chain.at(-1)?.id }))
    }
    runs[method] = chain
  }
}, 120_000)
afterAll(async () => {
  await workbench.close()
  removeHome(home)
})

async function train({
  method,
  earlierRunId,
  ...rest
}: {
  modelId: string
  datasetId: string
  method: string
  earlierRunId: string | undefined
}): Promise<RunDetail> {
  const { id } = await workbench.invoke('runs.start', {
    ...rest,
    ...(earlierRunId === undefined ? {} : { earlierRunId }),
    method: { name: method },
    training: { epochs: 4, batchSize: 8, learningRate: 3e-3, maximumLength: 16 },
    engine: { threads: 1 },
  })
  await new Promise<void>((resolve, reject) => {
    const stop = workbench.subscribe('run.changed', (run) => {
      if (run.id !== id || !['finished', 'failed'].includes(run.status)) return
      stop()
      if (run.status === 'finished') resolve()
      else reject(new Error(run.error))
    })
  })
  return workbench.invoke('runs.get', { id })
}

function compare(): Promise<Comparison> {
  return workbench.invoke('comparison.get', {
    runIds: Object.values(runs).flatMap((own) => own.map(({ id }) => id)),
  })
}

describe('three tasks trained one after the other', () => {
  it('are kept in the store with every score after every stage', () => {
    for (const method of methods) {
      const [first, second, third] = runs[method] ?? []
      const { stages, tasks: trained, scores } = third?.sequence ?? { stages: [], tasks: [], scores: [] }
      expect(stages.map(({ runId }) => runId)).toEqual([first?.id, second?.id, third?.id])
      expect(trained.map(({ name, split }) => `${name} ${split}`)).toEqual([
        'news test',
        'mail test',
        'chat test',
      ])
      expect(scores).toHaveLength(6)
      const own = (stage: number) =>
        scores.find((cell) => cell.stage === stage && cell.task === stage)?.scores
      expect([own(0), own(1), own(2)]).toEqual([first?.test, second?.test, third?.test])
      expect(scores.find(({ stage, task }) => stage === 1 && task === 0)?.scores).toEqual(
        second?.analysis.earlierTasks?.[0]?.after,
      )
    }
  })

  it('lose with full fine-tuning what adapters on the frozen backbone keep', async () => {
    const { groups } = await compare()
    const of = (method: string) => groups.find((group) => group.method === method && group.sequence)?.sequence
    expect(of('seq_bn')?.forgetting?.mean).toBe(0)
    expect(of('seq_bn')?.backwardTransfer?.mean).toBe(0)
    const changed = of('full')?.scores.filter(({ stage, task }) => stage > task) ?? []
    expect(changed).toHaveLength(3)
    const [, , last] = runs['full'] ?? []
    const losses = last?.analysis.earlierTasks?.map(({ before, after }) => after.loss - before.loss) ?? []
    expect(losses.every((rise) => rise !== 0)).toBe(true)
  })

  it('are written side by side as text and in a report', async () => {
    const said = describeComparison(await compare())
    expect(said).toMatch(/full +news → mail → chat +\d/)
    expect(said).toMatch(/seq_bn +news → mail → chat +[\d.]+ +\+0\.00 +\+0\.00/)
    expect(said).toMatch(/after training on +news, test +mail, test +chat, test/)
    const { content } = await workbench.invoke('report.create', {
      runIds: Object.values(runs).flatMap((own) => own.map(({ id }) => id)),
    })
    expect(content).toContain('Score of each task after each stage')
  })
})
