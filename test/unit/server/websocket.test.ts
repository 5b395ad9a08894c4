import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { createAnswers } from '../../../main/server/answers.ts'
import { startHttpHost, type HttpHost } from '../../../main/server/http.ts'
import { createUploads } from '../../../main/server/uploads.ts'
import { WorkbenchError } from '../../../preload/contract.ts'
import { rememberedSeconds } from '../../../preload/contract/wire.ts'
import { createStubWorkbench, deferred, type StubWorkbench } from './stub-workbench.ts'
import { openWire } from './wire-client.ts'

let home: string
let workbench: StubWorkbench
let host: HttpHost

beforeEach(async () => {
  home = mkdtempSync(`${tmpdir()}/workbench-socket-`)
  workbench = createStubWorkbench()
  const uploads = createUploads(home)
  host = await startHttpHost({ workbench, uploads, staticRoot: home, port: 0, version: '1.2.3' })
})

afterEach(async () => {
  await host.close()
  rmSync(home, { recursive: true })
})

const open = () => openWire(host.port, host.token)

it('greets with its session and version', async () => {
  const [first, second] = [await (await open()).hello(), await (await open()).hello()]
  expect(first.version).toBe('1.2.3')
  expect(first.session).toBe(second.session)
})

it('carries a call and its output, and keeps calls apart', async () => {
  workbench.answers['runs.get'] = (input) => ({ got: input })
  const page = await open()
  page.send({ type: 'invoke', id: 'a', name: 'runs.get', input: { id: 'é\u2028' } })
  page.send({ type: 'invoke', id: 'b', name: 'runs.get', input: { id: '2' } })
  expect(await page.answerTo('b')).toEqual({ type: 'result', id: 'b', output: { got: { id: '2' } } })
  expect(await page.answerTo('a')).toEqual({ type: 'result', id: 'a', output: { got: { id: 'é\u2028' } } })
})

it('carries an error with its code and detail', async () => {
  workbench.answers['runs.get'] = () => {
    throw new WorkbenchError('not-found', 'There is no run 7.', { detail: 'seven' })
  }
  const page = await open()
  page.send({ type: 'invoke', id: 'a', name: 'runs.get', input: { id: '7' } })
  expect(await page.answerTo('a')).toEqual({
    type: 'error',
    id: 'a',
    error: { code: 'not-found', message: 'There is no run 7.', detail: 'seven' },
  })
})

it('sends events of the topics subscribed to, until no longer', async () => {
  workbench.answers['system.info'] = () => 'asked'
  const page = await open()
  page.send({ type: 'subscribe', topic: 'run.log' })
  page.send({ type: 'invoke', id: 'ready', name: 'system.info', input: {} })
  await page.answerTo('ready')
  workbench.publish('run.changed', { id: 'not wanted' })
  workbench.publish('run.log', { id: '1', lines: [] })
  expect(await page.event()).toEqual({ type: 'event', topic: 'run.log', message: { id: '1', lines: [] } })

  page.send({ type: 'unsubscribe', topic: 'run.log' })
  page.send({ type: 'invoke', id: 'later', name: 'system.info', input: {} })
  await page.answerTo('later')
  workbench.publish('run.log', { id: '2', lines: [] })
  page.send({ type: 'invoke', id: 'last', name: 'system.info', input: {} })
  await page.answerTo('last')
  expect(page.messages.filter((message) => message.type === 'event')).toHaveLength(1)
})

it('runs a call once although a page asks again after it lost its connection', async () => {
  const answer = deferred<string>()
  let runs = 0
  workbench.answers['runs.start'] = () => {
    runs++
    return answer.promise
  }
  const call = { type: 'invoke', id: 'once', name: 'runs.start', input: {} }
  const lost = await open()
  lost.send(call)
  await expect.poll(() => runs).toBe(1)
  lost.socket.terminate()

  const during = await open()
  during.send(call)
  answer.resolve('started')
  expect(await during.answerTo('once')).toMatchObject({ output: 'started' })
  const after = await open()
  after.send(call)
  expect(await after.answerTo('once')).toMatchObject({ output: 'started' })
  expect(runs).toBe(1)
})

it('asks pages to start over, in a new session, when the workbench was replaced', async () => {
  const page = await open()
  const { session } = await page.hello()
  host.restart()
  expect(await page.closed).toBe(1012)
  expect((await (await open()).hello()).session).not.toBe(session)
})

it.each([
  ['no JSON', '{'],
  ['no message', '{"type":"shout"}'],
  ['a call without an id', '{"type":"invoke","name":"runs.list","input":{}}'],
  ['an unknown topic', '{"type":"subscribe","topic":"constructor"}'],
])('hangs up on %s', async (_, text) => {
  const page = await open()
  page.send(text)
  expect(await page.closed).toBe(1008)
  expect(workbench.calls).toEqual([])
})

it('hangs up on binary frames', async () => {
  const page = await open()
  page.socket.send(Buffer.from('{}'))
  expect(await page.closed).toBe(1003)
})

it('tells its pages when it ends', async () => {
  const page = await open()
  await host.close()
  expect(await page.closed).toBe(1001)
})

it('forgets an answer after its time', async () => {
  let clock = 0
  let runs = 0
  const answers = createAnswers(() => clock)
  const ask = () => answers.answer('id', () => Promise.resolve(`run ${String(++runs)}`))
  await ask()
  clock = rememberedSeconds * 1000 - 1
  expect(await ask()).toBe('run 1')
  clock++
  expect(await ask()).toBe('run 2')
})
