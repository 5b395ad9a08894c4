import { randomUUID } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { asWriteError, partialPrefix } from './dataset-file.ts'
import { readLines } from './lines.ts'

/** A row between being read and being given its split. */
export interface SpooledRow {
  /** Position of its file among the sources. */
  file: number
  line: number
  text: string
  secondText?: string
  label: string
}

/** Rows parked on the disk, so that an import never holds them in memory. */
export interface Spool {
  add(row: SpooledRow): void
  /** Writes what was added since. */
  flush(): Promise<void>
  read(): AsyncGenerator<SpooledRow[]>
  remove(): Promise<void>
}

/** @throws WorkbenchError('storage') when the folder cannot be written */
export async function createSpool(folder: string): Promise<Spool> {
  const path = join(folder, `${partialPrefix}${randomUUID()}`)
  const handle = await mkdir(folder, { recursive: true })
    .then(() => open(path, 'wx'))
    .catch((cause: unknown) => {
      throw asWriteError(folder, cause)
    })
  let lines: string[] = []
  return {
    add(row) {
      lines.push(JSON.stringify(row))
    },
    async flush() {
      if (lines.length === 0) return
      const block = `${lines.join('\n')}\n`
      lines = []
      await handle.writeFile(block).catch((cause: unknown) => {
        throw asWriteError(folder, cause)
      })
    },
    async *read() {
      for await (const chunk of readLines(path, 'utf-8', { longest: Infinity })) {
        yield chunk.lines.map((line) => {
          const row: SpooledRow = JSON.parse(line.text)
          return row
        })
      }
    },
    async remove() {
      await handle.close()
      await rm(path, { force: true })
    },
  }
}
