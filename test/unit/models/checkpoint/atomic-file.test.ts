import { spawnSync } from 'node:child_process'
import { mkdtemp, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { beforeEach, describe, expect, it } from 'vitest'

import { writeAll, writeFileAtomically } from '../../../../main/models/checkpoint/atomic-file.ts'

let folder = ''
let path = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-'))
  path = join(folder, 'latest.bin')
  await writeFile(path, 'old')
})

async function expectOldFileOnly(): Promise<void> {
  expect(await readFile(path, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['latest.bin'])
}

describe('writeFileAtomically', () => {
  it('replaces the file', async () => {
    await writeFileAtomically(path, (handle) => writeAll(handle, new TextEncoder().encode('new')))
    expect(await readFile(path, 'utf8')).toBe('new')
    expect(await readdir(folder)).toEqual(['latest.bin'])
  })

  it.runIf(process.platform === 'linux')('says that the disk is full and keeps the old file', async () => {
    const writing = writeFileAtomically(path, async (handle) => {
      await writeAll(handle, new Uint8Array(10))
      const full = await open('/dev/full', 'w')
      await writeAll(full, new Uint8Array(10)).finally(() => full.close())
    })
    await expect(writing).rejects.toMatchObject({
      code: 'storage',
      message: `${path} could not be written: the disk is full. Free some space and try again.`,
    })
    await expectOldFileOnly()
  })

  it.runIf(process.platform !== 'win32')('keeps the old file when a write stops half-way', async () => {
    const writer = fileURLToPath(
      new URL('../../../../main/models/checkpoint/safetensors.ts', import.meta.url),
    )
    const script = `
      import { writeSafetensors } from ${JSON.stringify(pathToFileURL(writer).href)}
      const data = new Float32Array(1 << 20)
      await writeSafetensors(${JSON.stringify(path)}, [{ name: 'x', shape: [1 << 20], data }]).catch((error) => {
        console.log(error.code + ': ' + error.message)
      })`
    const result = spawnSync(
      'sh',
      ['-c', 'ulimit -f 64 && exec "$0" --input-type=module -e "$1"', process.execPath, script],
      { encoding: 'utf8' },
    )
    expect(result.stdout).toContain(`storage: ${path} could not be written: the file would grow larger`)
    await expectOldFileOnly()
  })

  it('says that the folder does not exist', async () => {
    const missing = join(folder, 'no', 'x.bin')
    await expect(writeFileAtomically(missing, async () => undefined)).rejects.toMatchObject({
      code: 'storage',
      message: `${missing} could not be written: its folder does not exist.`,
    })
  })
})
