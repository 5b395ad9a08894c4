import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openDatabase } from '../../main/store/database.ts'
import { insertDataset } from '../../main/store/datasets.ts'
import { insertModel } from '../../main/store/models.ts'
import type { EndpointName, RunSummary } from '../../preload/contract.ts'
import { dataset, model, removeHome } from '../fixtures/runs-home.ts'
import { ended, endProcess, startWorkbench, type WorkbenchProcess } from '../fixtures/workbench-process.ts'

const entries = {
  real: fileURLToPath(new URL('../../main/workbench.ts', import.meta.url)),
  scripted: fileURLToPath(new URL('../fixtures/scripted-workbench.ts', import.meta.url)),
}

let home: string
const processes: WorkbenchProcess[] = []

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'workbench-process-'))
})

afterEach(async () => {
  for (const workbench of processes.splice(0)) await endProcess(workbench)
  removeHome(home)
})

function startProcess(entry: string): WorkbenchProcess {
  const workbench = startWorkbench(entry, home)
  processes.push(workbench)
  return workbench
}

async function started(entry: string): Promise<WorkbenchProcess> {
  const workbench = startProcess(entry)
  expect(await workbench.first).toEqual({ type: 'ready' })
  return workbench
}

/** A home folder with one dataset and one model, as far as they are needed to start a run. */
function furnish(): void {
  const folder = join(home, 'models', 'tiny')
  mkdirSync(folder, { recursive: true })
  const config = {
    model_type: 'bert',
    num_hidden_layers: model.layers,
    hidden_size: model.hiddenSize,
    num_attention_heads: model.heads,
    intermediate_size: model.intermediateSize,
    vocab_size: model.vocabularySize,
    max_position_embeddings: model.maximumLength,
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  const database = openDatabase(join(home, 'workbench.sqlite'))
  insertModel(database, { ...model, folder })
  insertDataset(database, dataset, 'datasets/rows')
  database.close()
}

function startRun(workbench: WorkbenchProcess, script: object): Promise<RunSummary> {
  return workbench.invoke('runs.start', {
    name: JSON.stringify(script),
    modelId: model.id,
    datasetId: dataset.id,
    method: { name: 'seq_bn' },
  })
}

describe('the workbench process', () => {
  it('is ready, answers calls and refuses bad ones with their reason, and ends when asked', async () => {
    const workbench = await started(entries.real)
    expect(await workbench.invoke('system.info', {})).toMatchObject({ home, host: 'desktop' })
    await expect(workbench.invoke('runs.get', { id: 'none' })).rejects.toMatchObject({ code: 'not-found' })
    await expect(workbench.invoke('runs.get', { id: '' })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/^id: /) as string,
    })
    await expect(workbench.invoke('no.such' as EndpointName, {})).rejects.toMatchObject({ code: 'bad-input' })
    await expect(workbench.invoke('shell.quit', {})).rejects.toMatchObject({ code: 'unsupported' })
    workbench.child.send({ type: 'close' })
    expect(await workbench.exited).toBe(0)
  })

  it('answers calls that come before it is ready', async () => {
    const workbench = startProcess(entries.real)
    expect(await workbench.invoke('runs.list', {})).toEqual([])
  })

  it('says why it cannot start, and exits', async () => {
    const file = join(home, 'workbench.sqlite')
    const database = openDatabase(file)
    database.pragma('user_version = 999')
    database.close()
    const workbench = startProcess(entries.real)
    expect(await workbench.first).toMatchObject({
      type: 'failed',
      error: {
        code: 'storage',
        message: expect.stringMatching(/newer version of Adapter Workbench/) as string,
      },
    })
    expect(await workbench.exited).toBe(1)
  })

  it('attaches to the one that has the home folder, and takes its place when that one goes away', async () => {
    const holder = await started(entries.real)
    const second = await started(entries.real)
    expect(await second.invoke('system.info', {})).toMatchObject({ home })
    holder.child.kill('SIGKILL')
    await holder.exited
    await expect.poll(() => second.messages.filter(({ type }) => type === 'ready').length).toBe(2)
    expect(await second.invoke('runs.list', {})).toEqual([])
  })

  it('closes in order when its parent goes away', async () => {
    const workbench = await started(entries.real)
    workbench.child.disconnect()
    expect(await workbench.exited).toBe(0)
  })
})

describe('a workbench process that is killed during a run', () => {
  it('leaves a run that is offered for resuming and ends as if nothing had happened', async () => {
    furnish()
    const script = { steps: 40, waitAt: 17 }
    const before = await started(entries.scripted)
    const whole = await startRun(before, { steps: 40 })
    const run = await startRun(before, script)
    const queued = await startRun(before, { steps: 5 })
    await before.event('run.changed', ({ id, progress }) => id === run.id && progress?.step === 17)
    before.child.kill('SIGKILL')
    await before.exited

    const after = startProcess(entries.scripted)
    const next = await ended(after, queued.id, () => after.first)
    expect(next.status).toBe('finished')
    const detail = await after.invoke('runs.get', { id: run.id })
    expect(detail).toMatchObject({ status: 'interrupted', resumable: true })
    expect(detail.checkpoints.map(({ kind, step }) => [kind, step])).toEqual([
      ['best', 10],
      ['latest', 10],
    ])
    const finished = await ended(after, run.id, () => after.invoke('runs.resume', { id: run.id }))
    expect(finished).toMatchObject({ status: 'finished', progress: { step: 40 } })
    expect(await after.invoke('runs.metrics', { id: run.id })).toEqual(
      await after.invoke('runs.metrics', { id: whole.id }),
    )
    const log = await after.invoke('runs.log', { id: run.id })
    expect(log.map(({ text }) => text)).toContain('resumed at step 10')
  })

  it('takes its trainer with it', async () => {
    furnish()
    const workbench = await started(entries.scripted)
    const run = await startRun(workbench, { steps: 1_000_000, stepMs: 2 })
    await workbench.event('run.changed', ({ id, progress }) => id === run.id && progress !== undefined)
    workbench.child.kill('SIGKILL')
    await workbench.exited
    const database = openDatabase(join(home, 'workbench.sqlite'))
    const pid = database.prepare<[], number>('SELECT trainer_pid FROM runs').pluck().get() ?? 0
    database.close()
    expect(pid).toBeGreaterThan(0)
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
  })

  it('asked to close, sets the run aside at the step it had come to', async () => {
    furnish()
    const workbench = await started(entries.scripted)
    const run = await startRun(workbench, { steps: 40, waitAt: 17 })
    await workbench.event('run.changed', ({ id, progress }) => id === run.id && progress?.step === 17)
    workbench.child.send({ type: 'close' })
    expect(await workbench.exited).toBe(0)
    const again = await started(entries.scripted)
    expect(await again.invoke('runs.get', { id: run.id })).toMatchObject({
      status: 'interrupted',
      resumable: true,
      checkpoints: [{ kind: 'best' }, { kind: 'latest', step: 17 }],
    })
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
