import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { attachOrOpen } from '../../../main/attach.ts'
import { browserCommand } from '../../../main/server/open-browser.ts'
import { authorization, uploadUrl, type UploadAnswer } from '../../../preload/contract/wire.ts'
import { runProgram, startProgram, type Program } from '../cli/program.ts'
import { createStubWorkbench } from './stub-workbench.ts'
import { openWire, rawRequest } from './wire-client.ts'

/** The server's own entry with the real services, in processes of their own. */
let home: string
let programs: Program[] = []

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'workbench-serve-'))
})

afterEach(async () => {
  for (const { child } of programs) child.kill('SIGKILL')
  await Promise.all(programs.map((program) => program.ended))
  programs = []
  rmSync(home, { recursive: true, force: true })
})

interface Served {
  program: Program
  url: string
  port: number
  token: string
}

async function startServer(entry: 'server' | 'cli' = 'server'): Promise<Served> {
  const args = [...(entry === 'cli' ? ['serve'] : []), '--port', '0', '--home', home]
  const program = startProgram(entry, args)
  programs.push(program)
  await expect.poll(() => program.read.stdout, { timeout: 30_000 }).toContain('\n')
  const url = program.read.stdout.trim()
  const [, port = '', token = ''] = /^http:\/\/127\.0\.0\.1:(\d+)\/#token=([\w-]{43})$/.exec(url) ?? []
  return { program, url, port: Number(port), token }
}

/** One call over a WebSocket of its own. */
async function call({ port, token }: Served, name: string, input: unknown): Promise<Record<string, unknown>> {
  const page = await openWire(port, token)
  const id = randomUUID()
  page.send({ type: 'invoke', id, name, input })
  const answer = await page.answerTo(id)
  page.socket.close()
  return answer as unknown as Record<string, unknown>
}

describe('serve', () => {
  it('prints one URL with a token, answers there, and ends in order', async () => {
    const served = await startServer()
    expect(served.port).toBeGreaterThan(0)
    expect(await call(served, 'system.info', {})).toMatchObject({
      type: 'result',
      output: { home, host: 'server' },
    })
    served.program.child.kill('SIGTERM')
    const { code, stdout } = await served.program.ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${served.url}\n` })
    expect(existsSync(join(home, 'workbench.sock'))).toBe(false)
  })

  it('refuses what only the desktop program can do', async () => {
    const served = await startServer()
    const answer = await call(served, 'shell.openFiles', { title: 'Open', kind: 'files' })
    expect(answer).toMatchObject({
      type: 'error',
      error: { code: 'unsupported', message: expect.stringContaining('upload') },
    })
  })

  it('imports an uploaded file under its name and cleans it up', async () => {
    const served = await startServer('cli')
    const rows = Array.from(
      { length: 40 },
      (_, index) => `text number ${String(index)}\t${index % 2 ? 'odd' : 'even'}`,
    )
    const answer = await rawRequest(served.port, uploadUrl('parity.tsv'), {
      method: 'POST',
      headers: authorization(served.token),
      body: ['text\tlabel', ...rows, ''].join('\n'),
    })
    const { path } = JSON.parse(answer.body) as UploadAnswer
    const bad = await call(served, 'datasets.import', { files: [{ path }], options: { text: 'nowhere' } })
    expect(bad).toMatchObject({ type: 'error' })
    expect(existsSync(path)).toBe(true)
    const imported = await call(served, 'datasets.import', { files: [{ path }] })
    expect(imported).toMatchObject({ output: { name: 'parity', rows: 40, labels: ['even', 'odd'] } })
    expect(existsSync(path)).toBe(false)
  })

  it('sweeps away uploads that an earlier server left', async () => {
    const served = await startServer()
    const headers = authorization(served.token)
    await rawRequest(served.port, uploadUrl('left.csv'), { method: 'POST', headers, body: 'x' })
    served.program.child.kill('SIGKILL')
    await served.program.ended
    expect(readdirSync(join(home, 'uploads'))).toHaveLength(1)
    await startServer()
    expect(readdirSync(join(home, 'uploads'))).toHaveLength(0)
  })

  it('ends with status 1 and a clear word when the port is in use, and gives the home folder back', async () => {
    const other = createServer()
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
    const { port } = other.address() as AddressInfo
    const program = startProgram('server', ['--port', String(port), '--home', home])
    const { code, stdout, stderr } = await program.ended
    other.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`Port ${String(port)} is in use`)
    const connection = await attachOrOpen(home, () => createStubWorkbench())
    expect(connection.attached).toBe(false)
    await connection.close()
  })

  it('ends with status 1 where the home folder is a file', async () => {
    const file = join(home, 'file')
    writeFileSync(file, '')
    const { code, stderr } = await startProgram('server', ['--port', '0', '--home', file]).ended
    expect(code).toBe(1)
    expect(stderr).toContain(file)
  })
})

describe('two processes on one home folder', () => {
  it('share one workbench: the second server attaches, and ends without ending it', async () => {
    const first = await startServer()
    const second = await startServer()
    expect(second.program.read.stderr).toContain('Attached')
    const page = await openWire(first.port, first.token)
    page.send({ type: 'subscribe', topic: 'dataset.changed' })
    page.send({ type: 'invoke', id: 'ready', name: 'system.info', input: {} })
    await page.answerTo('ready')

    const added = await call(second, 'datasets.addSamples', {})
    expect(added).toMatchObject({ type: 'result' })
    expect(await page.event()).toMatchObject({ topic: 'dataset.changed' })
    expect(await call(first, 'datasets.list', {})).toMatchObject({ output: added['output'] })

    second.program.child.kill('SIGTERM')
    expect((await second.program.ended).code).toBe(0)
    expect(await call(first, 'system.info', {})).toMatchObject({ type: 'result' })
  })

  it('serve a command of the command line as well', async () => {
    const served = await startServer()
    await call(served, 'datasets.addSamples', {})
    const { code, stdout } = await runProgram(['datasets', 'list', '--json'], { home })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toHaveLength(3)
    expect(await call(served, 'system.info', {})).toMatchObject({ type: 'result' })
  })

  it('survive the death of the one that held the workbench: the other takes its place', async () => {
    const first = await startServer()
    const second = await startServer()
    const page = await openWire(second.port, second.token)
    const { session } = await page.hello()
    first.program.child.kill('SIGKILL')
    expect(await page.closed).toBe(1012)
    const again = await openWire(second.port, second.token)
    expect((await again.hello()).session).not.toBe(session)
    expect(await call(second, 'system.info', {})).toMatchObject({ output: { host: 'server' } })
    again.socket.close()
  })
})

describe('the browser', () => {
  const url = 'http://127.0.0.1:1/#token=x'
  it('is opened where there is a screen, and never in CI', () => {
    expect(browserCommand(url, 'linux', { DISPLAY: ':0' })).toEqual(['xdg-open', [url]])
    expect(browserCommand(url, 'linux', { WAYLAND_DISPLAY: 'wayland-0' })).toEqual(['xdg-open', [url]])
    expect(browserCommand(url, 'linux', {})).toBeUndefined()
    expect(browserCommand(url, 'darwin', {})).toEqual(['open', [url]])
    expect(browserCommand(url, 'win32', {})?.[0]).toBe('cmd')
    expect(browserCommand(url, 'darwin', { CI: '1' })).toBeUndefined()
  })
})
