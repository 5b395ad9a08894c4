import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { homePath, resolveHome } from '../../main/home.ts'

const linux = { argv: [], environment: {}, platform: 'linux', userFolder: '/home/ada' } as const

describe('the home folder', () => {
  it('is the one of --home, before all others', () => {
    const environment = { WORKBENCH_HOME: '/other' }
    expect(homePath({ ...linux, argv: ['--home', 'mine'], environment })).toBe(resolve('mine'))
    expect(homePath({ ...linux, argv: ['serve', '--home=mine'], environment })).toBe(resolve('mine'))
  })

  it('is the one of WORKBENCH_HOME, unless that is empty', () => {
    expect(homePath({ ...linux, environment: { WORKBENCH_HOME: '/other' } })).toBe('/other')
    expect(homePath({ ...linux, environment: { WORKBENCH_HOME: '' } })).toBe(
      '/home/ada/.local/share/adapter-workbench',
    )
  })

  it('is the platform’s data folder otherwise', () => {
    expect(homePath({ ...linux, environment: { XDG_DATA_HOME: '/data' } })).toBe('/data/adapter-workbench')
    expect(homePath({ ...linux, environment: { XDG_DATA_HOME: 'relative' } })).toBe(
      '/home/ada/.local/share/adapter-workbench',
    )
    expect(homePath({ ...linux, platform: 'darwin' })).toBe(
      '/home/ada/Library/Application Support/Adapter Workbench',
    )
    expect(homePath({ ...linux, platform: 'win32', environment: { APPDATA: '/roaming' } })).toBe(
      '/roaming/Adapter Workbench',
    )
  })

  it.each([[['--home']], [['--home', '--json']], [['--home=']]])('refuses %j', (argv) => {
    expect(() => homePath({ ...linux, argv })).toThrow(/--home needs a folder/)
  })
})

describe('making the home folder', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'workbench-home-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('makes it for its user only', () => {
    const home = join(folder, 'a', 'b')
    expect(resolveHome({ ...linux, argv: ['--home', home] })).toBe(home)
    if (process.platform !== 'win32') expect(statSync(home).mode & 0o777).toBe(0o700)
  })

  it('says which folder could not be made', () => {
    writeFileSync(join(folder, 'file'), '')
    const argv = ['--home', join(folder, 'file', 'home')]
    expect(() => resolveHome({ ...linux, argv })).toThrow(/The home folder .*file.home cannot be created/)
  })
})
