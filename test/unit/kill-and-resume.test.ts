import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openDatabase } from '../../main/store/database.ts'
import type { RunSummary } from '../../preload/contract.ts'
import { removeHome } from '../fixtures/runs-home.ts'
import { makeModelFolder } from '../fixtures/tiny-model.ts'
import { ended, endProcess, startWorkbench, type WorkbenchProcess } from '../fixtures/workbench-process.ts'

const entry = fileURLToPath(new URL('../../main/workbench.ts', import.meta.url))

let home: string
const processes: WorkbenchProcess[] = []

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'workbench-kill-'))
})
afterEach(async () => {
  for (const workbench of processes.splice(0)) await endProcess(workbench)
  removeHome(home)
})

async function open(): Promise<WorkbenchProcess> {
  const workbench = startWorkbench(entry, home)
  processes.push(workbench)
  expect(await workbench.first).toEqual({ type: 'ready' })
  return workbench
}

/** A model and a dataset; what starts a run on them. The last run takes long enough to be killed. */
async function furnish(workbench: WorkbenchProcess): Promise<(name: string) => Promise<RunSummary>> {
  await makeModelFolder(join(home, 'tiny-model'))
  const model = await workbench.invoke('models.add', { folder: join(home, 'tiny-model') })
  const fillers = ['the', 'a', 'of', 'in', 'and', 'to']
  const lines = Array.from({ length: 300 }, (_, i) => {
    const text = Array.from(
      { length: 4 + (i % 9) },
      (_, j) => fillers[(i * 5 + j * 7 + ((i * j) % 3)) % 6],
    ).join(' ')
    return i % 2 === 0 ? `good\t${text} good thing` : `bad\tbad ${text}`
  })
  writeFileSync(join(home, 'words.tsv'), `label\ttext\n${lines.join('\n')}\n`)
  const dataset = await workbench.invoke('datasets.import', {
    files: [{ path: join(home, 'words.tsv') }],
    testShare: 0.1,
  })
  return (name) =>
    workbench.invoke('runs.start', {
      name,
      modelId: model.id,
      datasetId: dataset.id,
      method: { name: 'seq_bn', options: { dropout: 0.1 } },
      training: { epochs: 12, batchSize: 4, learningRate: 1e-3, maximumLength: 16, checkpointSteps: 25 },
      engine: { threads: 1 },
    })
}

/** What must be the same however often a run was interrupted. */
async function outcome(workbench: WorkbenchProcess, id: string) {
  const { status, best, test, confusion, backboneUnchanged } = await workbench.invoke('runs.get', { id })
  const series = await workbench.invoke('runs.metrics', { id })
  const lasting = series.filter(({ name }) => !/examplesPerSecond|rssBytes/.test(name))
  return { status, best, test, confusion, backboneUnchanged, series: lasting }
}

/** Resolves when the run has done some steps, but not yet all. */
function underWay(workbench: WorkbenchProcess, id: string): Promise<RunSummary> {
  return workbench.event('run.changed', (run) => run.id === id && (run.progress?.step ?? 0) > 40)
}

describe('a training run', () => {
  it('whose trainer was killed, resumed, ends with the metrics of one that was not', async () => {
    const workbench = await open()
    const start = await furnish(workbench)
    const whole = await start('whole')
    await workbench.event('run.changed', ({ id, status }) => id === whole.id && status === 'finished')
    const killed = await start('killed')
    await underWay(workbench, killed.id)
    const failed = workbench.event('run.changed', ({ id, status }) => id === killed.id && status === 'failed')
    process.kill(trainerOf(killed.id), 'SIGKILL')
    expect(await failed).toMatchObject({
      resumable: true,
      error: expect.stringMatching(/killed from outside/) as string,
    })

    const resumed = await ended(workbench, killed.id, () =>
      workbench.invoke('runs.resume', { id: killed.id }),
    )
    expect(resumed.status).toBe('finished')
    expect(await outcome(workbench, killed.id)).toEqual(await outcome(workbench, whole.id))
  })

  it('whose whole program was killed is offered for resuming, and ends with the same metrics', async () => {
    const before = await open()
    const start = await furnish(before)
    const whole = await start('whole')
    await before.event('run.changed', ({ id, status }) => id === whole.id && status === 'finished')
    const killed = await start('killed')
    await underWay(before, killed.id)
    before.child.kill('SIGKILL')
    await before.exited

    const after = await open()
    expect(await after.invoke('runs.get', { id: killed.id })).toMatchObject({
      status: 'interrupted',
      resumable: true,
    })
    const resumed = await ended(after, killed.id, () => after.invoke('runs.resume', { id: killed.id }))
    expect(resumed.status).toBe('finished')
    const expected = await outcome(after, whole.id)
    expect(expected.series.find(({ name }) => name === 'train.loss')?.steps.length).toBeGreaterThan(500)
    expect(expected.backboneUnchanged).toBe(true)
    expect(await outcome(after, killed.id)).toEqual(expected)
  })
})

function trainerOf(id: string): number {
  const database = openDatabase(join(home, 'workbench.sqlite'))
  try {
    const pid = database
      .prepare<[string], number>('SELECT trainer_pid FROM runs WHERE id = ?')
      .pluck()
      .get(id)
    if (pid === undefined) throw new Error(`run ${id} has no trainer`)
    return pid
  } finally {
    database.close()
  }
}
