import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startHttpHost, type HttpHost } from '../../../main/server/http.ts'
import { createUploads, safeName } from '../../../main/server/uploads.ts'
import {
  authorization,
  uploadUrl,
  webSocketProtocols,
  type UploadAnswer,
} from '../../../preload/contract/wire.ts'
import { createStubWorkbench } from './stub-workbench.ts'
import { rawRequest, upgradeStatus } from './wire-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'workbench-http-'))
const home = join(folder, 'home')
const staticRoot = join(folder, 'renderer')
let host: HttpHost
let room = 2 ** 40

function hostHeader(name = '127.0.0.1'): Record<string, string> {
  return { host: `${name}:${String(host.port)}` }
}

beforeAll(async () => {
  mkdirSync(join(staticRoot, 'assets'), { recursive: true })
  mkdirSync(home)
  writeFileSync(join(staticRoot, 'index.html'), '<!doctype html><title>Workbench</title>')
  writeFileSync(join(staticRoot, 'assets', 'index-1a2b.js'), 'export {}')
  writeFileSync(join(staticRoot, '.secret.json'), '{}')
  writeFileSync(join(folder, 'outside.txt'), 'not to be seen')
  symlinkSync(join(folder, 'outside.txt'), join(staticRoot, 'link.txt'))
  host = await startHttpHost({
    workbench: createStubWorkbench(),
    uploads: createUploads(home, () => Promise.resolve(room)),
    staticRoot,
    port: 0,
    version: '1.2.3',
  })
})

afterAll(async () => {
  await host.close()
  rmSync(folder, { recursive: true })
})

describe('the page', () => {
  it('is served without a token, with a strict policy', async () => {
    const answer = await rawRequest(host.port, '/')
    expect(answer.status).toBe(200)
    expect(answer.body).toContain('<title>Workbench</title>')
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(answer.headers['content-security-policy']).toContain("default-src 'self'")
    expect(answer.headers['content-security-policy']).toContain("script-src 'self';")
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
    expect(answer.headers['cache-control']).toBe('no-cache')
  })

  it('keeps files with a hash in their name for good', async () => {
    const answer = await rawRequest(host.port, '/assets/index-1a2b.js')
    expect(answer.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(answer.headers['cache-control']).toContain('immutable')
  })

  it.each([
    '/../outside.txt',
    '/assets/../../outside.txt',
    '/%2e%2e/outside.txt',
    '/..%2foutside.txt',
    '/%252e%252e/outside.txt',
    '/..%5Coutside.txt',
    '/link.txt',
    '/.secret.json',
    '/%00',
    '/%',
    '//outside.txt',
    '/assets',
  ])('gives nothing for %s', async (path) => {
    const withToken = await rawRequest(host.port, path, { headers: authorization(host.token) })
    expect(withToken.status).toBe(404)
    expect(withToken.body).not.toContain('not to be seen')
    expect((await rawRequest(host.port, path)).status).toBe(401)
  })
})

describe('who is let in', () => {
  const open = { method: 'POST', path: uploadUrl('a.csv'), body: 'text,label\n' }
  const upload = (headers: Record<string, string>) =>
    rawRequest(host.port, open.path, { method: open.method, headers, body: open.body })

  it('has the token', async () => {
    expect((await upload(authorization(host.token))).status).toBe(200)
  })

  it.each([
    ['no token', {}],
    ['a wrong token', authorization('x'.repeat(43))],
    ['an empty token', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic abc' }],
  ])('is refused with 401 for %s', async (_, headers) => {
    const answer = await upload(headers)
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'unauthorized' } })
  })

  it('is refused with 401 on every address that is no page', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      expect((await rawRequest(host.port, '/anything', { method })).status).toBe(401)
    }
  })

  it.each(['127.0.0.1', 'localhost', '[::1]'])('may call it %s', async (name) => {
    const headers = {
      ...hostHeader(name),
      origin: `http://${name}:${String(host.port)}`,
      ...authorization(host.token),
    }
    expect((await upload(headers)).status).toBe(200)
  })

  it.each(['evil.example', '127.0.0.1.evil.example', '192.168.0.1', '0.0.0.0'])(
    'is refused with 403 under the name %s, token or not, page or not',
    async (name) => {
      expect((await upload({ ...hostHeader(name), ...authorization(host.token) })).status).toBe(403)
      const page = await rawRequest(host.port, '/', { headers: hostHeader(name) })
      expect(page.status).toBe(403)
      expect(page.headers['x-content-type-options']).toBe('nosniff')
    },
  )

  it('is refused with 403 under another port', async () => {
    expect((await rawRequest(host.port, '/', { headers: { host: '127.0.0.1:1' } })).status).toBe(403)
    expect((await rawRequest(host.port, '/', { headers: { host: '127.0.0.1' } })).status).toBe(403)
  })

  it.each(['http://evil.example', 'null', 'https://127.0.0.1', 'http://127.0.0.1:1'])(
    'is refused with 403 from pages of %s',
    async (origin) => {
      expect((await upload({ origin, ...authorization(host.token) })).status).toBe(403)
      expect(await upgradeStatus(host.port, webSocketProtocols(host.token), { origin })).toBe(403)
    },
  )

  it('opens a WebSocket with the token only', async () => {
    const good = webSocketProtocols(host.token)
    const origin = `http://localhost:${String(host.port)}`
    expect(await upgradeStatus(host.port, good)).toBe(101)
    expect(await upgradeStatus(host.port, good, { origin })).toBe(101)
    expect(await upgradeStatus(host.port, [])).toBe(401)
    expect(await upgradeStatus(host.port, webSocketProtocols('wrong'))).toBe(401)
    expect(await upgradeStatus(host.port, [`token.${host.token}`])).toBe(401)
    expect(await upgradeStatus(host.port, good, hostHeader('evil.example'))).toBe(403)
    expect(await upgradeStatus(host.port, good, {}, '/elsewhere')).toBe(404)
  })
})

describe('an upload', () => {
  const post = (name: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    rawRequest(host.port, uploadUrl(name), {
      method: 'POST',
      headers: { ...authorization(host.token), ...headers },
      body,
    })

  it('lands in the home folder under its own name', async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
    const answer = await post('rt-polarity.pos', content)
    const { path, bytes } = JSON.parse(answer.body) as UploadAnswer
    expect(path.startsWith(join(home, 'uploads'))).toBe(true)
    expect(basename(path)).toBe('rt-polarity.pos')
    expect(bytes).toBe(content.length)
    expect(readFileSync(path).equals(content)).toBe(true)
  })

  it('does not mix up two files of one name', async () => {
    const paths = [await post('a.csv', 'one'), await post('a.csv', 'two')].map(
      (answer) => (JSON.parse(answer.body) as UploadAnswer).path,
    )
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['one', 'two'])
  })

  it('cannot leave its folder by its name', async () => {
    const { path } = JSON.parse((await post('../../../escape.csv', 'x')).body) as UploadAnswer
    expect(path.startsWith(join(home, 'uploads'))).toBe(true)
    expect(basename(path)).toBe('escape.csv')
  })

  it('needs a name', async () => {
    const answer = await rawRequest(host.port, '/upload', {
      method: 'POST',
      headers: authorization(host.token),
    })
    expect(answer.status).toBe(400)
    expect(answer.body).toContain('/upload?name=reviews.csv')
  })

  it.each([
    ['announced', { 'content-length': '100000' }],
    ['not announced', { 'transfer-encoding': 'chunked' }],
  ])('that has no room (%s) is refused and leaves nothing', async (_, headers) => {
    const before = readdirSync(join(home, 'uploads'), { recursive: true }).length
    room = 256 * 2 ** 20 + 1000
    try {
      const answer = await post('large.csv', 'x'.repeat(100_000), headers)
      expect(answer.status).toBe(507)
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'storage' } })
      expect(answer.body).toContain('large.csv')
    } finally {
      room = 2 ** 40
    }
    expect(readdirSync(join(home, 'uploads'), { recursive: true })).toHaveLength(before)
  })

  it('that breaks off leaves nothing', async () => {
    const before = readdirSync(join(home, 'uploads'), { recursive: true }).length
    const broken = request({
      ...{ host: '127.0.0.1', port: host.port, path: uploadUrl('broken.csv'), method: 'POST' },
      headers: { ...authorization(host.token), 'content-length': '1000' },
    })
    broken.on('error', () => undefined)
    broken.write('half of it')
    const count = () => readdirSync(join(home, 'uploads'), { recursive: true }).length
    await expect.poll(count).toBe(before + 2)
    broken.destroy()
    await expect.poll(count).toBe(before)
  })

  it('is removed when it was imported, and nothing else is', async () => {
    const uploads = createUploads(home)
    const { path } = await uploads.receive('a.csv', Readable.from([Buffer.from('x')]), undefined)
    const foreign = join(folder, 'outside.txt')
    await uploads.remove([foreign, home, path])
    expect(existsSync(path)).toBe(false)
    expect(existsSync(foreign)).toBe(true)
  })

  it('of an earlier server is swept away, those of this one stay until it closes', async () => {
    const [earlier, now] = [createUploads(home), createUploads(home)]
    const left = await earlier.receive('a.csv', Readable.from([Buffer.from('x')]), undefined)
    const kept = await now.receive('b.csv', Readable.from([Buffer.from('x')]), undefined)
    await now.removeLeftovers()
    expect([existsSync(left.path), existsSync(kept.path)]).toEqual([false, true])
    await now.close()
    expect(existsSync(kept.path)).toBe(false)
  })
})

describe('safeName', () => {
  it.each([
    ['TREC.train', 'TREC.train'],
    ['C:\\data\\subj.objective', 'subj.objective'],
    ['.hidden', '.hidden'],
    ['a:b*c?.tsv', 'a_b_c_.tsv'],
    ['..', 'upload'],
    ['', 'upload'],
    ['trailing. ', 'trailing'],
    ['con.csv', '_con.csv'],
    ['contents.csv', 'contents.csv'],
    ['评论.csv', '评论.csv'],
  ])('makes %j %j', (name, expected) => {
    expect(safeName(name)).toBe(expected)
  })

  it('shortens long names but keeps the extension', () => {
    const name = safeName(`${'é'.repeat(300)}.jsonl`)
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120)
    expect(name.endsWith('é.jsonl')).toBe(true)
  })
})

it('says so when the port is in use', async () => {
  const other = createServer()
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
  const { port } = other.address() as AddressInfo
  const uploads = createUploads(home)
  await expect(
    startHttpHost({ workbench: createStubWorkbench(), uploads, staticRoot, port, version: '1' }),
  ).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(`Port ${String(port)} is in use`),
  })
  other.close()
})
