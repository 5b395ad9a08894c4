import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { getRun, updateRun } from '../../../main/store/runs.ts'
import { configOf, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let at: RunsHome

beforeEach(() => {
  at = openRunsHome()
})

afterEach(async () => {
  await at.close()
  removeHome(at.home)
})

const endless = { steps: 1_000_000, stepMs: 2 }

async function reopen(options: Parameters<typeof openRunsHome>[0] = {}): Promise<void> {
  await at.close()
  at = openRunsHome({ home: at.home, ...options })
}

describe('a trainer that goes away', () => {
  it.each([
    ['SIGKILL', /killed from outside. When memory runs out/],
    ['SIGSEGV', /crashed \(SIGSEGV\)/],
  ])('by %s fails its run with its last lines, and the next one runs', async (signal, error) => {
    const crashing = await at.runs['runs.start'](configOf({ steps: 30, crashAt: 15, signal }))
    const next = await at.runs['runs.start'](configOf({ steps: 3 }))
    const run = await at.reaches(crashing.id, 'failed')
    expect(run.error).toMatch(error)
    expect(run.resumable).toBe(true)
    const log = await at.runs['runs.log']({ id: run.id, after: 0 })
    expect(log.slice(-2)).toMatchObject([
      { level: 'error', text: 'about to crash' },
      { level: 'error', text: run.error },
    ])
    await at.reaches(next.id, 'finished')
  })

  it('leaves a run that, resumed, ends with the metrics of an undisturbed one', async () => {
    const whole = await at.runs['runs.start'](configOf({ steps: 30 }))
    const { id } = await at.runs['runs.start'](configOf({ steps: 30, crashAt: 15 }))
    await at.reaches(id, 'failed')
    const resumed = await at.runs['runs.resume']({ id })
    expect(resumed).toMatchObject({ status: 'queued' })
    expect(resumed.error).toBeUndefined()
    await at.reaches(id, 'finished')
    expect(await at.runs['runs.metrics']({ id })).toEqual(await at.runs['runs.metrics']({ id: whole.id }))
  })

  it('before its first checkpoint leaves nothing to resume', async () => {
    const { id } = await at.runs['runs.start'](configOf({ crashAt: 3 }))
    expect((await at.reaches(id, 'failed')).resumable).toBe(false)
    await expect(async () => at.runs['runs.resume']({ id })).rejects.toThrow(
      /has no checkpoint to go on from/,
    )
  })

  it('with an exit code says which', async () => {
    const { id } = await at.runs['runs.start'](configOf({ exitAt: 3 }))
    expect((await at.reaches(id, 'failed')).error).toMatch(/exit code 7/)
  })

  it('is resumable only as long as its checkpoint is on disk', async () => {
    const { id } = await at.runs['runs.start'](configOf({ crashAt: 15 }))
    await at.reaches(id, 'failed')
    const { checkpoints } = await at.runs['runs.get']({ id })
    for (const { path } of checkpoints) rmSync(path)
    expect(await at.runs['runs.get']({ id })).toMatchObject({ checkpoints: [], resumable: false })
  })
})

describe('a trainer that says nothing', () => {
  it('is ended, its run fails and the next one runs', async () => {
    await reopen({ limits: { silence: 1500 } })
    const hanging = await at.runs['runs.start'](configOf({ hangAt: 12 }))
    const next = await at.runs['runs.start'](configOf({ steps: 3 }))
    const run = await at.reaches(hanging.id, 'failed')
    expect(run.error).toMatch(/gave no sign of life for 2 seconds and was ended/)
    expect(run.resumable).toBe(true)
    await at.reaches(next.id, 'finished')
  })

  it('may take longer before its first message, as loading a large model does', async () => {
    await reopen({ limits: { silence: 1000 } })
    const { id } = await at.runs['runs.start'](configOf({ steps: 3, quietStart: 2000 }))
    expect((await at.reaches(id, 'finished', 'failed')).status).toBe('finished')
  })

  it('is left alone as long as it sends heartbeats', async () => {
    await reopen({ limits: { silence: 1500 } })
    const { id } = await at.runs['runs.start'](configOf({ steps: 30, waitAt: 5, stepMs: 20 }))
    await at.reachesStep(id, 5)
    await new Promise((resolve) => setTimeout(resolve, 2200))
    expect(await at.runs['runs.stop']({ id })).toMatchObject({ status: 'stopped' })
  })
})

describe('closing and coming back', () => {
  it('puts a running run aside with its checkpoint, to be resumed to the same end', async () => {
    const whole = await at.runs['runs.start'](configOf({ steps: 30 }))
    await at.reaches(whole.id, 'finished')
    const { id } = await at.runs['runs.start'](configOf({ steps: 30, waitAt: 12 }))
    await at.reachesStep(id, 12)
    await reopen()
    expect(await at.runs['runs.get']({ id })).toMatchObject({
      status: 'interrupted',
      resumable: true,
      checkpoints: [{ kind: 'best' }, { kind: 'latest', step: 12 }],
    })
    await at.runs['runs.resume']({ id })
    await at.reaches(id, 'finished')
    expect(await at.runs['runs.metrics']({ id })).toEqual(await at.runs['runs.metrics']({ id: whole.id }))
  })

  it('does not wait for ever for a trainer that does not react', async () => {
    await reopen({ limits: { close: 200 } })
    const { id } = await at.runs['runs.start'](configOf({ ...endless, deaf: true }))
    await at.reachesStep(id, 1)
    await reopen()
    expect(await at.runs['runs.get']({ id })).toMatchObject({ status: 'interrupted', resumable: true })
  })

  it('goes on with the queue, in its order', async () => {
    const first = await at.runs['runs.start'](configOf(endless, { name: 'first' }))
    await at.reaches(first.id, 'running')
    for (const name of ['second', 'third']) await at.runs['runs.start'](configOf({ steps: 3 }, { name }))
    await reopen()
    const [third] = await at.runs['runs.list']({})
    await at.reaches(third?.id ?? '', 'finished')
    expect(at.course.filter((entry) => entry.endsWith('finished'))).toEqual([
      'second finished',
      'third finished',
    ])
  })

  it('leaves the queue alone where it is told to, but takes what is asked for', async () => {
    const first = await at.runs['runs.start'](configOf(endless))
    await at.reaches(first.id, 'running')
    const second = await at.runs['runs.start'](configOf({ steps: 3 }))
    await reopen({ continueQueue: false })
    const third = await at.runs['runs.start'](configOf({ steps: 3 }))
    await at.reaches(third.id, 'finished')
    expect((await at.runs['runs.get']({ id: second.id })).status).toBe('queued')
    await at.runs['runs.resume']({ id: second.id })
    await at.reaches(second.id, 'finished')
  })

  it('takes no new run while it closes', async () => {
    const { id } = await at.runs['runs.start'](configOf(endless))
    await at.reaches(id, 'running')
    const closed = at.close()
    await expect(at.runs['runs.start'](configOf())).rejects.toMatchObject({ code: 'unavailable' })
    await closed
    at = openRunsHome({ home: at.home })
    expect(at.runs['runs.list']({})).toHaveLength(1)
  })

  it('starts a run again from its beginning when it went away before the first checkpoint', async () => {
    const { id } = await at.runs['runs.start'](configOf({ steps: 20 }, { name: 'early' }))
    await at.reaches(id, 'finished')
    // As a program leaves it that was killed before anything was saved.
    updateRun(at.database, id, { status: 'running', trainerPid: undefined })
    rmSync(join(at.home, 'runs', id), { recursive: true })
    await reopen()
    expect(await at.runs['runs.get']({ id })).toMatchObject({ status: 'interrupted', resumable: true })
    await at.runs['runs.resume']({ id })
    await at.reaches(id, 'finished')
    const log = await at.runs['runs.log']({ id, after: 0 })
    expect(log.map((line) => line.text)).toEqual([
      'started',
      'The program ended while this run was going on. It can be resumed.',
      'started',
    ])
  })

  it('waits for a trainer that was left behind before it starts another on the same folder', async () => {
    const { id } = await at.runs['runs.start'](configOf({ steps: 20 }))
    await at.reaches(id, 'finished')
    updateRun(at.database, id, { status: 'running', trainerPid: process.pid })
    await reopen({ limits: { leftover: 400 } })
    await at.runs['runs.resume']({ id })
    expect((await at.runs['runs.get']({ id })).status).toBe('queued')
    // It waits no longer than the limit: this process, which has the id, does not end.
    await at.reaches(id, 'finished')
    expect(getRun(at.database, id)?.trainerPid).toBeUndefined()
  })
})

describe('a store that cannot be written', () => {
  it('pauses the trainer, keeps what it reported and says so', async () => {
    const { id } = await at.runs['runs.start'](configOf({ ...endless, checkpointSteps: 5 }))
    await at.reachesStep(id, 6)
    at.database.exec(`CREATE TEMP TRIGGER full BEFORE INSERT ON main.run_metrics
      BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await at.runs['runs.get']({ id })).status).toBe('running')
    at.database.exec('DROP TRIGGER full')
    const run = await at.reaches(id, 'failed')
    expect(run.error).toMatch(/could not be written to .*database or disk is full. Free some space/)
    expect(run.resumable).toBe(true)
    const { checkpoints } = await at.runs['runs.get']({ id })
    const last = checkpoints.find(({ kind }) => kind === 'latest')
    const [loss] = await at.runs['runs.metrics']({ id, names: ['train.loss'] })
    expect(loss?.steps).toEqual(Array.from({ length: last?.step ?? 0 }, (_, index) => index + 1))
  })

  it('does not keep the program from closing', async () => {
    const { id } = await at.runs['runs.start'](configOf({ steps: 100, waitAt: 12 }))
    await at.reachesStep(id, 12)
    at.database.exec(`CREATE TEMP TRIGGER full BEFORE UPDATE ON main.runs
      BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`)
    await reopen()
    expect(await at.runs['runs.get']({ id })).toMatchObject({ status: 'interrupted', resumable: true })
    expect(existsSync(join(at.home, 'runs', id, 'latest.json'))).toBe(true)
  })
})
