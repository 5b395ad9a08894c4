import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { forkOn, nodeExecutable, tailOf } from '../../../main/electron/child-process.ts'
import { superviseWorkbench, type Supervisor } from '../../../main/electron/supervisor.ts'

/** A workbench process as far as the shell can tell: it answers, publishes, crashes and hangs on request. */
const standIn = `
process.on('message', (message) => {
  if (message.type === 'close') {
    if (process.argv[2] === 'hangs') return
    console.error('closed in order')
    process.exit(0)
  }
  const answer = (rest) => process.send({ type: 'result', id: message.id, ...rest })
  if (message.name === 'crash') { console.error('out of memory'); process.exit(7) }
  if (message.name === 'pid') answer({ ok: true, value: process.pid })
  if (message.name === 'fail') answer({ ok: false, error: { code: 'conflict', message: 'it is in use' } })
  if (message.name === 'say') process.send({ type: 'event', topic: 'run.log', message: message.input })
})
process.on('message', (message) => {
  if (message.name === 'train') process.send({ type: 'trainer.spawn', trainer: message.input })
  if (message.name === 'tell trainer') process.send({ type: 'trainer.send', ...message.input })
  if (message.name === 'kill trainer') process.send({ type: 'trainer.kill', signal: 'SIGKILL', trainer: message.input })
  if (message.type.startsWith('trainer.')) process.send({ type: 'event', topic: 'relayed', message })
})
process.on('disconnect', () => process.exit(0))
if (process.argv[2] === 'cannot start') {
  process.send({ type: 'failed', error: { code: 'storage', message: 'The database is from a newer version.' } })
  process.exit(1)
}
setTimeout(() => process.send({ type: 'ready' }), 100)
`

/** A trainer that repeats what it is told, and does not end by itself when its host is gone. */
const trainerStandIn = `
process.on('message', (message) => {
  if (message.type === 'stop') { console.error('stopped'); process.exit(3) }
  process.send({ type: 'log', level: 'info', text: message.type })
})
setInterval(() => undefined, 1000)
`

let folder = ''
let entry = ''
let trainer = ''
const supervisors: Supervisor[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'supervisor-'))
  entry = join(folder, 'workbench.cjs')
  trainer = join(folder, 'trainer.cjs')
  writeFileSync(entry, standIn)
  writeFileSync(trainer, trainerStandIn)
})

afterEach(async () => {
  await Promise.all(supervisors.splice(0).map((supervisor) => supervisor.close(0)))
  rmSync(folder, { recursive: true })
})

function supervise(behaviour = '', now?: () => number) {
  const published: { topic: string; message: unknown }[] = []
  const supervisor = superviseWorkbench({
    spawn: forkOn(process.execPath),
    entries: { workbench: entry, trainer },
    args: [behaviour],
    publish: (topic, message) => published.push({ topic, message }),
    ...(now === undefined ? {} : { now }),
  })
  supervisors.push(supervisor)
  const states = () =>
    published
      .filter(({ topic }) => topic === 'shell.workbench')
      .map(({ message }) => (message as { state: string }).state)
  return { supervisor, published, states }
}

describe('a running workbench process', () => {
  it('answers a call that was made before it was ready', async () => {
    const { supervisor, states } = supervise()
    expect(await supervisor.invoke('pid', {})).toEqual({ ok: true, value: expect.any(Number) })
    expect(states()).toEqual(['ready'])
  })

  it('has its errors passed on as they are', async () => {
    const { supervisor } = supervise()
    const error = { code: 'conflict', message: 'it is in use' }
    expect(await supervisor.invoke('fail', {})).toEqual({ ok: false, error })
  })

  it('has its topics published', async () => {
    const { supervisor, published } = supervise()
    void supervisor.invoke('say', { id: 'r1', lines: [] })
    await vi.waitFor(() =>
      expect(published).toContainEqual({ topic: 'run.log', message: { id: 'r1', lines: [] } }),
    )
  })
})

describe('a workbench process that dies', () => {
  it('is started again, and says so', async () => {
    const { supervisor, states } = supervise()
    const first = await supervisor.invoke('pid', {})
    await supervisor.invoke('crash', {})
    const second = await supervisor.invoke('pid', {})
    expect(second).toEqual({ ok: true, value: expect.any(Number) })
    expect(second).not.toEqual(first)
    expect(states()).toEqual(['ready', 'lost', 'ready'])
  })

  it('leaves no call without an answer', async () => {
    const { supervisor } = supervise()
    const never = supervisor.invoke('never answered', {})
    const crash = supervisor.invoke('crash', {})
    const unavailable = {
      ok: false,
      error: { code: 'unavailable', message: expect.stringContaining('exit code 7') },
    }
    expect(await Promise.all([never, crash])).toEqual([unavailable, unavailable])
  })

  it('is given up when it dies again within minutes, with its last words', async () => {
    const { supervisor, states } = supervise()
    await supervisor.invoke('crash', {})
    await supervisor.invoke('crash', {})
    expect(states()).toEqual(['ready', 'lost', 'ready', 'failed'])
    expect(supervisor.state()?.message).toContain('out of memory')
    expect(await supervisor.invoke('pid', {})).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  })

  it('is started again when the last time was long ago', async () => {
    let time = 0
    const { supervisor, states } = supervise('', () => time)
    await supervisor.invoke('crash', {})
    await supervisor.invoke('pid', {})
    time += 60 * 60_000
    await supervisor.invoke('crash', {})
    expect(await supervisor.invoke('pid', {})).toMatchObject({ ok: true })
    expect(states()).toEqual(['ready', 'lost', 'ready', 'lost', 'ready'])
  })
})

describe('a workbench process that cannot start', () => {
  it('is not started again, and its own words are shown', async () => {
    const { supervisor, published, states } = supervise('cannot start')
    const message = 'The database is from a newer version.'
    expect(await supervisor.invoke('pid', {})).toEqual({ ok: false, error: { code: 'unavailable', message } })
    expect(states()).toEqual(['failed'])
    expect(published[0]?.message).toEqual({ state: 'failed', message })
  })

  it('is named when there is no such program', async () => {
    const supervisor = superviseWorkbench({
      spawn: forkOn(join(folder, 'no-node')),
      entries: { workbench: entry, trainer },
      args: [],
      publish: () => undefined,
    })
    await vi.waitFor(() => expect(supervisor.state()?.state).toBe('failed'))
    expect(supervisor.state()?.message).toContain('ENOENT')
  })
})

describe('trainers that the workbench process asks for', () => {
  const relayed = (published: { topic: string; message: unknown }[]) =>
    published.filter(({ topic }) => topic === 'relayed').map(({ message }) => message)

  it('are spoken to and heard, and their end is reported with their last words', async () => {
    const { supervisor, published } = supervise()
    void supervisor.invoke('train', 1)
    await vi.waitFor(() => expect(relayed(published)).toHaveLength(1))
    void supervisor.invoke('tell trainer', { trainer: 1, message: { type: 'pause' } })
    await vi.waitFor(() => expect(relayed(published)).toHaveLength(2))
    void supervisor.invoke('tell trainer', { trainer: 1, message: { type: 'stop' } })
    await vi.waitFor(() => expect(relayed(published)).toHaveLength(3))
    expect(relayed(published)).toMatchObject([
      { type: 'trainer.spawned', trainer: 1, pid: expect.any(Number) },
      { type: 'trainer.message', trainer: 1, message: { type: 'log', text: 'pause' } },
      { type: 'trainer.exit', trainer: 1, code: 3, lastLines: ['stopped'] },
    ])
  })

  it('are killed when it asks for that', async () => {
    const { supervisor, published } = supervise()
    void supervisor.invoke('train', 1)
    void supervisor.invoke('kill trainer', 1)
    await vi.waitFor(() =>
      expect(relayed(published)).toContainEqual({
        type: 'trainer.exit',
        trainer: 1,
        signal: 'SIGKILL',
        lastLines: [],
      }),
    )
  })

  it('do not outlive it', async () => {
    const { supervisor, published } = supervise()
    void supervisor.invoke('train', 1)
    await vi.waitFor(() => expect(relayed(published)).toHaveLength(1))
    const { pid } = relayed(published)[0] as { pid: number }
    await supervisor.invoke('crash', {})
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false))
  })
})

describe('closing', () => {
  it('asks the process and waits for its end', async () => {
    const { supervisor, states } = supervise()
    await supervisor.invoke('pid', {})
    await supervisor.close(60_000)
    expect(states()).toEqual(['ready'])
    expect(await supervisor.invoke('pid', {})).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  })

  it('answers the calls that are still open', async () => {
    const { supervisor } = supervise()
    await supervisor.invoke('pid', {})
    const open = supervisor.invoke('never answered', {})
    await supervisor.close(60_000)
    expect(await open).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  })

  it('kills a process that does not close in time', async () => {
    const { supervisor } = supervise('hangs')
    const pid = await supervisor.invoke('pid', {})
    await supervisor.close(50)
    expect(pid.ok && isAlive(Number(pid.value))).toBe(false)
  })
})

describe('the last lines of a process', () => {
  it('are whole characters, and never more than a line of some length', async () => {
    const stderr = new PassThrough()
    const lines = tailOf(stderr)
    const bytes = Buffer.from(`größe\n${'x'.repeat(20_000)}`)
    for (const part of [bytes.subarray(0, 3), bytes.subarray(3)]) stderr.write(part)
    await new Promise((resolve) => stderr.end(resolve).once('end', resolve))
    expect(lines()[0]).toBe('größe')
    expect(lines().join('').length).toBeLessThan(15_000)
  })
})

describe('the Node to run it on', () => {
  it('is the one that WORKBENCH_NODE names', () => {
    expect(nodeExecutable(folder, { WORKBENCH_NODE: '/opt/node' })).toBe('/opt/node')
  })

  it('is the one on the PATH where the packages bring none', () => {
    expect(nodeExecutable(folder, {})).toBe('node')
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
