import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { attachOrOpen } from '../../main/attach.ts'
import { acquireHomeLock, readHolder } from '../../main/home-lock.ts'
import { createStubWorkbench } from './server/stub-workbench.ts'

let home: string
const children: ChildProcess[] = []

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'workbench-lock-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
  }
  rmSync(home, { recursive: true, force: true })
})

/** A process that holds the home folder and answers `system.info` with its process id. */
async function startHolder(): Promise<ChildProcess> {
  const attach = fileURLToPath(new URL('../../main/attach.ts', import.meta.url))
  const script = `
    import { attachOrOpen } from ${JSON.stringify(attach)}
    const listeners = new Set()
    const connection = await attachOrOpen(${JSON.stringify(home)}, () => ({
      invoke: async (name) => {
        if (name === 'runs.list') return new Promise(() => undefined)
        for (const listener of listeners) listener('run.removed', { id: name })
        return process.pid
      },
      onEvent: (listener) => { listeners.add(listener); return () => listeners.delete(listener) },
      close: async () => console.log('closed'),
    }))
    console.log(connection.attached ? 'attached' : 'opened')
    process.on('SIGTERM', () => connection.close().then(() => process.exit(0)))
    setInterval(() => undefined, 1000)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  await new Promise((done) => child.stdout.once('data', done))
  return child
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) =>
    (child.exitCode ?? child.signalCode) !== null ? done() : child.once('exit', () => done()),
  )
}

const mustNotOpen = (): never => {
  throw new Error('it must attach')
}

describe('the lock', () => {
  it('is taken once, and again when it was given back', () => {
    const lock = acquireHomeLock(home)
    expect(lock).toBeDefined()
    expect(acquireHomeLock(home)).toBeUndefined()
    lock?.release()
    const again = acquireHomeLock(home)
    expect(again).toBeDefined()
    again?.release()
  })

  it('says who holds the folder, and where that listens, to its user only', () => {
    const lock = acquireHomeLock(home)
    expect(readHolder(home)).toMatchObject({ pid: process.pid })
    expect(readHolder(home)?.address).toBeUndefined()
    lock?.announce('/somewhere')
    expect(readHolder(home)?.address).toBe('/somewhere')
    lock?.release()
    expect(readHolder(home)).toBeUndefined()
  })

  it('survives a broken record', () => {
    writeFileSync(join(home, 'workbench.json'), '{"pid": ')
    expect(readHolder(home)).toBeUndefined()
    const lock = acquireHomeLock(home)
    expect(lock?.previous).toBeUndefined()
    lock?.release()
  })

  it('names the folder when that cannot be written', () => {
    const missing = join(home, 'missing')
    expect(() => acquireHomeLock(missing)).toThrow(
      expect.objectContaining({ code: 'storage', message: expect.stringContaining(missing) }),
    )
  })
})

describe('attachOrOpen', () => {
  it('becomes the workbench where none runs', async () => {
    const workbench = createStubWorkbench()
    const connection = await attachOrOpen(home, () => workbench)
    expect(connection.attached).toBe(false)
    expect(await connection.invoke('system.info', {})).toMatchObject({ version: '1.2.3' })
    await connection.close()
    expect(workbench.closed).toBe(true)
    expect(existsSync(join(home, 'workbench.sock'))).toBe(false)
  })

  it('attaches to the one of another process, calls it and hears its events', async () => {
    const holder = await startHolder()
    const connection = await attachOrOpen(home, mustNotOpen)
    const events: unknown[] = []
    connection.onEvent((topic, message) => events.push([topic, message]))
    expect(connection.attached).toBe(true)
    expect(await connection.invoke('system.info', {})).toBe(holder.pid)
    expect(events).toEqual([['run.removed', { id: 'system.info' }]])
    await connection.close()
    expect(holder.exitCode).toBeNull()
  })

  it('attaches a second time in the same process too', async () => {
    const first = await attachOrOpen(home, () => createStubWorkbench())
    const second = await attachOrOpen(home, mustNotOpen)
    expect([first.attached, second.attached]).toEqual([false, true])
    await second.close()
    await first.close()
  })

  it('recovers the folder from a process that was killed', async () => {
    const holder = await startHolder()
    holder.kill('SIGKILL')
    await ended(holder)
    expect(readHolder(home)?.pid).toBe(holder.pid)
    expect(existsSync(join(home, 'workbench.sock'))).toBe(true)

    const connection = await attachOrOpen(home, () => createStubWorkbench())
    expect(connection.attached).toBe(false)
    expect(readHolder(home)?.pid).toBe(process.pid)
    await connection.close()
  })

  it('is not deceived by a record whose process id another program has by now', async () => {
    const record = {
      pid: process.ppid,
      startedAt: new Date().toISOString(),
      address: join(home, 'workbench.sock'),
    }
    writeFileSync(join(home, 'workbench.json'), JSON.stringify(record))
    const connection = await attachOrOpen(home, () => createStubWorkbench())
    expect(connection.attached).toBe(false)
    await connection.close()
  })

  it('lets only one of many that start at once become the workbench', async () => {
    let opened = 0
    const open = async () => {
      opened++
      await new Promise((done) => setTimeout(done, 100))
      return createStubWorkbench()
    }
    const connections = await Promise.all(Array.from({ length: 5 }, () => attachOrOpen(home, open)))
    expect(opened).toBe(1)
    expect(connections.filter((connection) => !connection.attached)).toHaveLength(1)
    for (const connection of connections.toSorted((a, b) => Number(b.attached) - Number(a.attached))) {
      await connection.close()
    }
  })

  it('refuses calls in flight and says so when the other process dies', async () => {
    const holder = await startHolder()
    const connection = await attachOrOpen(home, mustNotOpen)
    const lost = new Promise<void>((done) => connection.onLost(done))
    const call = connection.invoke('runs.list', {})
    call.catch(() => undefined)
    holder.kill('SIGKILL')
    await lost
    await expect(call).rejects.toMatchObject({ code: 'unavailable' })
    await expect(connection.invoke('system.info', {})).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('waits for one that is ending and then takes its place', async () => {
    const holder = await startHolder()
    holder.kill('SIGTERM')
    const connection = await attachOrOpen(home, () => createStubWorkbench())
    await ended(holder)
    if (connection.attached) {
      // It was faster than the signal; then it hears that the other went.
      await new Promise<void>((done) => connection.onLost(done))
    } else {
      expect(readHolder(home)?.pid).toBe(process.pid)
    }
    await connection.close()
  })

  it('names the process that holds the folder and does not answer', async () => {
    const holder = await startHolder()
    holder.kill('SIGSTOP')
    await expect(attachOrOpen(home, mustNotOpen, 200)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`process ${String(holder.pid)}`),
    })
  })

  it('gives the folder back when opening fails', async () => {
    await expect(
      attachOrOpen(home, () => {
        throw new Error('newer database')
      }),
    ).rejects.toThrow('newer database')
    const connection = await attachOrOpen(home, () => createStubWorkbench())
    await connection.close()
  })

  it('keeps no lock data in the record', async () => {
    const connection = await attachOrOpen(home, () => createStubWorkbench())
    expect(
      Object.keys(JSON.parse(readFileSync(join(home, 'workbench.json'), 'utf8')) as object).sort(),
    ).toEqual(['address', 'pid', 'startedAt'])
    await connection.close()
  })
})
