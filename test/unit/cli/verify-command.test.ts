import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { runProgram } from './program.ts'

const good = fileURLToPath(new URL('../../golden/cases/bert_seq_bn', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'workbench-verify-command-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string) => {
  const path = join(folder, name)
  writeFileSync(path, 'no case')
  return path
}

describe('verify', () => {
  it('passes over a file that lies among the cases', async () => {
    const { code, stdout, stderr } = await runProgram(['verify', write('README.md'), good, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([{ case: 'bert_seq_bn', ok: true }])
    expect(stderr).toContain('README.md is a file, no case: passed over')
  })

  it('goes on after a folder that is no case, and fails naming it', async () => {
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    const { code, stdout, stderr } = await runProgram(['verify', empty, good])
    expect(code).toBe(1)
    expect(stdout).toMatch(/empty\s+NOT READ/)
    expect(stdout).toMatch(/bert_seq_bn\s+same/)
    expect(stderr).toContain(`empty: ${join(empty, 'config.json')} cannot be read`)
  })

  it('takes the cases that lie in a folder', async () => {
    cpSync(good, join(folder, 'second'), { recursive: true })
    symlinkSync(good, join(folder, 'first'))
    write('README.md')
    const { code, stdout } = await runProgram(['verify', folder, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([
      { case: 'first', ok: true },
      { case: 'second', ok: true },
    ])
  })

  it('says what a case has where the only one named is none', async () => {
    const { code, stderr } = await runProgram(['verify', write('config.json')])
    expect([code, stderr]).toEqual([1, expect.stringContaining('a golden case has config.json')])
  })
})
