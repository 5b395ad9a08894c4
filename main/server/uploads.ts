import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, statfs } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve, sep } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { WorkbenchError } from '../../preload/contract.ts'
import type { UploadAnswer } from '../../preload/contract/wire.ts'

export interface Uploads {
  /**
   * Write a stream to a file of its own. Its name is kept at the path's end: labels may be derived from it.
   * @param announcedBytes content length where the client gave one
   * @throws WorkbenchError `storage` when the disk has no room for it, `bad-input` when the client broke off
   */
  receive(name: string, body: Readable, announcedBytes: number | undefined): Promise<UploadAnswer>
  /** Remove those of `paths` that were uploaded here. Like all removing here it never rejects: what stays is left over. */
  remove(paths: string[]): Promise<void>
  /** Remove what earlier servers left behind. Only for the process that holds the home folder. */
  removeLeftovers(): Promise<void>
  /** Remove all of them. */
  close(): Promise<void>
}

/** What must stay free on the disk for the database and the checkpoints. */
const reservedBytes = 256 * 2 ** 20

/** Files that browsers send, kept under `home/uploads` until they are imported or this server ends. */
export function createUploads(
  home: string,
  freeBytes: (folder: string) => Promise<number> = freeOnDisk,
): Uploads {
  const folder = join(resolve(home), 'uploads')
  const own = join(folder, `${String(process.pid)}-${randomBytes(6).toString('hex')}`)

  let received = 0

  return {
    receive: async (name, body, announcedBytes) => {
      // A dataset of a file called train.tsv is named after its folder.
      const target = join(own, `upload-${String(++received)}`)
      await mkdir(target, { recursive: true, mode: 0o700 })
      const path = join(target, safeName(name))
      const room = (await freeBytes(target)) - reservedBytes
      let bytes = 0
      try {
        if (announcedBytes !== undefined && announcedBytes > room) throw noRoom(name, announcedBytes, room)
        // The request stays open when this stops early, so that the client can still be told why.
        const chunks: AsyncIterable<Buffer> = body.iterator({ destroyOnReturn: false })
        const counted = async function* (): AsyncGenerator<Buffer> {
          for await (const chunk of chunks) {
            bytes += chunk.length
            if (bytes > room) throw noRoom(name, bytes, room)
            yield chunk
          }
        }
        await pipeline(counted, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
        return { path, bytes }
      } catch (error) {
        await discard(target)
        throw asUploadError(name, error)
      }
    },
    remove: async (paths) => {
      for (const path of paths) {
        const parent = dirname(resolve(path))
        if (parent.startsWith(own + sep)) await discard(parent)
      }
    },
    removeLeftovers: async () => {
      const names = await readdir(folder).catch((): string[] => [])
      for (const name of names) {
        if (name !== basename(own)) await discard(join(folder, name))
      }
    },
    close: () => discard(own),
  }
}

async function discard(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch((error: unknown) =>
    console.error(`${path} could not be removed:`, error),
  )
}

/** A name that every platform's file system takes: no folders, no control or reserved characters, at most 120 bytes. */
export function safeName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  // eslint-disable-next-line no-control-regex
  const plain = last.replace(/[\u0000-\u001f\u007f<>:"|?*]/g, '_').replace(/[. ]+$/, '')
  if (plain === '') return 'upload'
  // Windows takes these for devices, whatever their extension.
  const cleaned = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(plain) ? `_${plain}` : plain
  const extension = extname(cleaned).slice(0, 20)
  let stem = cleaned.slice(0, cleaned.length - extname(cleaned).length)
  while (Buffer.byteLength(stem + extension) > 120) stem = stem.slice(0, -1)
  return stem + extension
}

async function freeOnDisk(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

function noRoom(name: string, bytes: number, room: number): WorkbenchError {
  const megabytes = (count: number): string => `${Math.max(count / 1e6, 0).toFixed(0)} MB`
  return new WorkbenchError(
    'storage',
    `There is no room for ${name}: it has ${megabytes(bytes)} or more, and ${megabytes(room)} may be used on the home folder's disk. Free some space, or give a path that the server can read.`,
  )
}

function asUploadError(name: string, error: unknown): WorkbenchError {
  if (error instanceof WorkbenchError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new WorkbenchError('storage', `The disk is full: ${name} was not stored.`, { cause: error })
  }
  return new WorkbenchError('bad-input', `The upload of ${name} broke off: ${reason}. Send it again.`, {
    cause: error,
  })
}
