import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { connectLocalSocket, serveLocalSocket } from '../../main/local-socket.ts'
import { WorkbenchError } from '../../preload/contract.ts'
import { createStubWorkbench, deferred } from './server/stub-workbench.ts'

let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'workbench-local-'))
})

afterEach(() => {
  rmSync(home, { recursive: true, force: true })
})

it.skipIf(process.platform === 'win32')('listens in the home folder, for its user only', async () => {
  const before = process.umask()
  const socket = await serveLocalSocket(home, createStubWorkbench())
  expect(socket.address).toBe(join(home, 'workbench.sock'))
  expect(statSync(socket.address).mode & 0o777).toBe(0o600)
  expect(process.umask()).toBe(before)
  await socket.close()
  expect(existsSync(socket.address)).toBe(false)
})

it.skipIf(process.platform === 'win32')(
  'takes a private temporary folder where the path is too long',
  async () => {
    const deep = join(home, 'x'.repeat(60), 'y'.repeat(60))
    mkdirSync(deep, { recursive: true })
    const socket = await serveLocalSocket(deep, createStubWorkbench())
    expect(socket.address.startsWith(deep)).toBe(false)
    expect(statSync(dirname(socket.address)).mode & 0o777).toBe(0o700)
    const remote = await connectLocalSocket(socket.address)
    expect(await remote.invoke('system.info', {})).toMatchObject({ version: '1.2.3' })
    await remote.close()
    await socket.close()
    expect(existsSync(dirname(socket.address))).toBe(false)
  },
)

it('carries awkward and large values whole', async () => {
  const workbench = createStubWorkbench()
  workbench.answers['datasets.rows'] = (input) => input
  const socket = await serveLocalSocket(home, workbench)
  const remote = await connectLocalSocket(socket.address)
  const value = {
    text: `line\nbreak \u2028 \u0000 😀${'é'.repeat(3_000_000)}`,
    nested: [{ a: [1, 2.5, true] }],
  }
  expect(await remote.invoke('datasets.rows', value)).toEqual(value)
  await remote.close()
  await socket.close()
})

it('carries errors with code and detail, and returns nothing where nothing is returned', async () => {
  const workbench = createStubWorkbench()
  workbench.answers['runs.remove'] = () => undefined
  workbench.answers['runs.get'] = () => {
    throw new WorkbenchError('not-found', 'There is no run 7.', { detail: 'seven' })
  }
  const socket = await serveLocalSocket(home, workbench)
  const remote = await connectLocalSocket(socket.address)
  expect(await remote.invoke('runs.remove', { id: '1' })).toBeUndefined()
  const error: unknown = await remote.invoke('runs.get', { id: '7' }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(WorkbenchError)
  expect(error).toMatchObject({ code: 'not-found', message: 'There is no run 7.', detail: 'seven' })
  await remote.close()
  await socket.close()
})

it('answers calls in the order in which they are done', async () => {
  const slow = deferred<string>()
  const workbench = createStubWorkbench()
  workbench.answers['models.list'] = () => slow.promise
  workbench.answers['runs.list'] = () => 'fast'
  const socket = await serveLocalSocket(home, workbench)
  const remote = await connectLocalSocket(socket.address)
  const waiting = remote.invoke('models.list', {})
  expect(await remote.invoke('runs.list', {})).toBe('fast')
  slow.resolve('slow')
  expect(await waiting).toBe('slow')
  await remote.close()
  await socket.close()
})

it.each([
  ['no JSON', 'hello\n'],
  ['what only the shell may say', '{"type":"close"}\n'],
  ['a call without a name', '{"type":"invoke","id":1,"input":{}}\n'],
])('hangs up on %s, and the workbench goes on', async (_, text) => {
  const workbench = createStubWorkbench()
  const socket = await serveLocalSocket(home, workbench)
  const raw = createConnection(socket.address)
  raw.on('error', () => undefined).resume()
  raw.write(text)
  await new Promise((done) => raw.once('close', done))
  expect(workbench.closed).toBe(false)
  expect(workbench.calls).toEqual([])
  const remote = await connectLocalSocket(socket.address)
  expect(await remote.invoke('system.info', {})).toBeDefined()
  await remote.close()
  await socket.close()
})

it('says that nobody listens', async () => {
  await expect(connectLocalSocket(join(home, 'workbench.sock'))).rejects.toMatchObject({
    code: 'unavailable',
  })
})

it('does not call it a loss when it hangs up itself', async () => {
  const socket = await serveLocalSocket(home, createStubWorkbench())
  const remote = await connectLocalSocket(socket.address)
  let lost = false
  remote.onLost(() => (lost = true))
  await remote.close()
  await socket.close()
  expect(lost).toBe(false)
  await expect(remote.invoke('system.info', {})).rejects.toMatchObject({ code: 'unavailable' })
})
