import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { desktopProblem, electronBinary, ensureBuilt, isStale, userFolder } from '../../main/launch.mjs'

const launcher = fileURLToPath(new URL('../../main/launch.mjs', import.meta.url))
let folder: string

/** A package folder with sources, and a build of them that says what it was given. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-launch-'))
  for (const path of ['main/cli.ts', 'preload/index.ts', 'renderer/views/runs.svelte']) put(path, path)
  put('package.json', '{}')
  put('main/launch.mjs', readFileSync(launcher, 'utf8'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function put(path: string, content: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), content)
}

function putProducts(): void {
  for (const name of ['main/server.js', 'main/cli.js', 'main/trainer.js', 'renderer/index.html']) {
    put(`out/${name}`, `process.stdout.write(JSON.stringify(process.argv.slice(2)))`)
  }
}

let builds = 0
const build = async (): Promise<number> => {
  builds++
  await new Promise((done) => setTimeout(done, 20))
  putProducts()
  return 0
}

describe('whether the build is stale', () => {
  beforeEach(async () => {
    await ensureBuilt({ folder, build })
  })

  it('is not, right after it', () => {
    expect(isStale(folder)).toBe(false)
  })

  it.each([
    ['a source changed', () => put('main/cli.ts', 'other content')],
    ['a source is newer', () => utimesSync(join(folder, 'main/cli.ts'), new Date(), new Date(2e12))],
    [
      'a source is older, as after a checkout of an old state',
      () => utimesSync(join(folder, 'main/cli.ts'), 1, 1),
    ],
    ['a source was added', () => put('renderer/views/new.svelte', '')],
    ['a source was removed', () => rmSync(join(folder, 'preload/index.ts'))],
    ['other packages are locked', () => put('package-lock.json', '{}')],
    ['a product is missing', () => rmSync(join(folder, 'out/main/cli.js'))],
    ['the pages are missing', () => rmSync(join(folder, 'out/renderer'), { recursive: true })],
    ['nobody knows from what it was built', () => rmSync(join(folder, 'out/built-from'))],
  ])('is, when %s', (_, change) => {
    change()
    expect(isStale(folder)).toBe(true)
  })

  it('is not, when only a test changed', () => {
    put('test/unit/a.test.ts', '')
    expect(isStale(folder)).toBe(false)
  })
})

describe('ensureBuilt', () => {
  beforeEach(() => {
    builds = 0
  })

  it('builds once, and again only for other sources', async () => {
    await ensureBuilt({ folder, build })
    await ensureBuilt({ folder, build })
    expect(builds).toBe(1)
    put('main/cli.ts', 'changed')
    await ensureBuilt({ folder, build })
    expect(builds).toBe(2)
  })

  it('builds although nothing changed when told so', async () => {
    await ensureBuilt({ folder, build })
    await ensureBuilt({ folder, build, always: true })
    expect(builds).toBe(2)
  })

  it('builds once for launches at the same time', async () => {
    await Promise.all([1, 2, 3].map(() => ensureBuilt({ folder, build })))
    expect(builds).toBe(1)
    expect(existsSync(join(folder, 'out/building'))).toBe(false)
  })

  it('does not wait for a builder that was killed', async () => {
    const dead = spawn(process.execPath, ['-e', ''])
    await new Promise((done) => dead.once('exit', done))
    put('out/building/pid', String(dead.pid))
    expect(await ensureBuilt({ folder, build })).toBe(0)
    expect(builds).toBe(1)
  })

  it('does not take a failed build for good', async () => {
    const failing = async () => {
      putProducts()
      return 1
    }
    expect(await ensureBuilt({ folder, build: failing })).toBe(1)
    expect(isStale(folder)).toBe(true)
  })

  it('builds again what changed during the build', async () => {
    await ensureBuilt({
      folder,
      build: async () => {
        putProducts()
        put('main/cli.ts', 'saved while it was building')
        return 0
      },
    })
    expect(isStale(folder)).toBe(true)
  })
})

describe('the desktop window', () => {
  it('needs the Electron binary, wherever that is', () => {
    expect(electronBinary(folder, {}, 'linux')).toBeUndefined()
    put('node_modules/electron/dist/electron', '')
    expect(electronBinary(folder, {}, 'linux')).toBe(join(folder, 'node_modules/electron/dist/electron'))
    expect(electronBinary(folder, {}, 'darwin')).toBeUndefined()
    const other = join(folder, 'elsewhere')
    expect(electronBinary(folder, { ELECTRON_OVERRIDE_DIST_PATH: other }, 'linux')).toBeUndefined()
    put('elsewhere/electron', '')
    expect(electronBinary(folder, { ELECTRON_OVERRIDE_DIST_PATH: other }, 'linux')).toBe(
      join(other, 'electron'),
    )
  })

  it('says in a sentence what is missing', () => {
    expect(desktopProblem(undefined, { DISPLAY: ':0' }, 'linux')).toMatch(
      /Electron binary is not installed.*browser/,
    )
    expect(desktopProblem('/electron', {}, 'linux')).toMatch(/no display/)
    expect(desktopProblem('/electron', { DISPLAY: ':0' }, 'linux')).toBeUndefined()
    expect(desktopProblem('/electron', {}, 'darwin')).toBeUndefined()
  })
})

describe('the folder that relative paths are meant from', () => {
  it("is the user's, although npm runs scripts in the package's", () => {
    const npm = { npm_lifecycle_event: 'workbench', INIT_CWD: folder }
    expect(userFolder(npm, '/package', '/package')).toBe(folder)
    expect(userFolder(npm, folder, '/package')).toBe(folder)
    expect(userFolder({ INIT_CWD: folder }, '/package', '/package')).toBe('/package')
    expect(userFolder({ ...npm, INIT_CWD: '/nowhere' }, '/package', '/package')).toBe('/package')
  })
})

/** The launcher of a package folder whose build is a script of this test. */
function launch(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(folder, 'main/launch.mjs'), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', CI: '1', ...environment },
  })
  const read = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (read.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (read.stderr += chunk.toString()))
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) =>
    child.once('close', (code) => done({ code, ...read })),
  )
  return { child, read, ended }
}

/** A stand-in for electron-vite that writes to stdout, as the real one does. */
function putBuilder(program: string): void {
  const products = ['main/server.js', 'main/cli.js', 'main/trainer.js', 'renderer/index.html']
  put(
    'node_modules/electron-vite/bin/electron-vite.js',
    `const { mkdirSync, writeFileSync } = require('node:fs')
     console.log('built in 1 ms')
     for (const folder of ['out/main', 'out/renderer']) mkdirSync(folder, { recursive: true })
     for (const name of ${JSON.stringify(products)}) writeFileSync('out/' + name, ${JSON.stringify(program)})`,
  )
}

describe('launch.mjs', () => {
  it('builds with its words on stderr, and hands over arguments, stdout and exit status', async () => {
    putBuilder(`process.stdout.write(JSON.stringify(process.argv.slice(2))); process.exitCode = 2`)
    const first = await launch(['cli', 'runs', 'list', '--json']).ended
    expect(first).toMatchObject({ code: 2, stdout: '["runs","list","--json"]' })
    expect(first.stderr).toContain('built in 1 ms')
    const second = await launch(['serve', '--port', '0']).ended
    expect(second).toMatchObject({ code: 2, stdout: '["--port","0"]', stderr: '' })
  })

  it.skipIf(process.platform === 'win32')('hands over signals and waits for an orderly end', async () => {
    putBuilder(
      `process.on('SIGINT', () => { console.log('closing'); process.exit(1) }); console.log('ready'); setInterval(() => {}, 1000)`,
    )
    const { child, read, ended } = launch(['cli', 'train'])
    await expect.poll(() => read.stdout, { timeout: 20_000 }).toBe('ready\n')
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 1, stdout: 'ready\nclosing\n' })
  })

  it.skipIf(process.platform === 'win32')('ends like a program that a signal ended', async () => {
    putBuilder(`console.log('ready'); setInterval(() => {}, 1000)`)
    const { child, read, ended } = launch(['cli'])
    await expect.poll(() => read.stdout, { timeout: 20_000 }).toBe('ready\n')
    child.kill('SIGTERM')
    expect((await ended).code).toBe(143)
  })

  it('serves to a browser and says why where Electron is not installed', async () => {
    putBuilder(`console.log(process.argv.slice(2).join(' '))`)
    const { code, stdout, stderr } = await launch(['start', '--home', 'here']).ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: '--open --home here\n' })
    expect(stderr).toContain('Electron binary is not installed')
  })

  it.skipIf(process.platform !== 'linux')('starts Electron where it is installed', async () => {
    putBuilder('')
    const dist = join(folder, 'dist')
    put('dist/electron', '#!/bin/sh\necho "electron $@"\n')
    chmodSync(join(dist, 'electron'), 0o755)
    const environment = { ELECTRON_OVERRIDE_DIST_PATH: dist, DISPLAY: ':0' }
    const { code, stdout } = await launch(['start', '--no-sandbox'], environment).ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: `electron ${folder}/ --no-sandbox\n` })
  })

  it('fails, and starts nothing, when the build fails', async () => {
    put('node_modules/electron-vite/bin/electron-vite.js', `console.log('unexpected token'); process.exit(1)`)
    const { code, stdout, stderr } = await launch(['cli']).ended
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('unexpected token')
  })

  it('asks for npm ci where the packages are missing', async () => {
    const { code, stderr } = await launch(['cli']).ended
    expect(code).toBe(1)
    expect(stderr).toContain('npm ci')
  })

  it('knows its own modes only', async () => {
    expect(await launch(['train']).ended).toMatchObject({ code: 2, stdout: '' })
  })

  it('works when it is called through a link', async () => {
    putBuilder(`console.log('ran')`)
    await launch(['build']).ended
    symlinkSync(folder, `${folder}-link`)
    const child = spawn(process.execPath, [join(`${folder}-link`, 'main/launch.mjs'), 'cli'])
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    await new Promise((done) => child.once('close', done))
    rmSync(`${folder}-link`)
    expect(stdout).toBe('ran\n')
  })
})
