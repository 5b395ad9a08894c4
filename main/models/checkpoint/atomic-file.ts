import { randomBytes } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

import { WorkbenchError } from '../../../preload/contract.ts'

/**
 * Writes a file that is there whole or not at all: under a temporary name beside it, synced, then renamed.
 * Whatever fails, an older file at `path` stays as it was and nothing temporary is left behind.
 * @throws WorkbenchError `storage` naming the file and the reason.
 */
export async function writeFileAtomically(
  path: string,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`
  let handle: FileHandle | undefined
  try {
    handle = await open(temporary, 'wx')
    await write(handle)
    await handle.sync()
    await handle.close()
    handle = undefined
    await rename(temporary, path)
  } catch (error) {
    await handle?.close().catch(() => undefined)
    await rm(temporary, { force: true }).catch(() => undefined)
    throw storageError(path, error)
  }
  await syncFolder(dirname(path))
}

/** Makes the rename last through a power cut. Not every system can sync a folder; the file is whole without. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    return
  }
}

const reasons: Record<string, string> = {
  ENOSPC: 'the disk is full. Free some space and try again',
  EDQUOT: "the user's disk quota is used up. Free some space and try again",
  EFBIG: 'the file would grow larger than this system or user may write',
  EACCES: 'this user may not write there. Change the permissions or choose another folder',
  EPERM: 'this user may not write there. Change the permissions or choose another folder',
  EROFS: 'the file system is read-only. Choose another folder',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder does not exist',
}

function storageError(path: string, error: unknown): WorkbenchError {
  if (error instanceof WorkbenchError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = reasons[code] ?? (error instanceof Error ? error.message : String(error))
  return new WorkbenchError('storage', `${path} could not be written: ${reason}.`, { cause: error })
}

/** Writes all the bytes; one write call may take only a part of them. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  let done = 0
  while (done < bytes.byteLength) {
    const wanted = Math.min(bytes.byteLength - done, 1 << 30)
    const at = position === undefined ? undefined : position + done
    const { bytesWritten } = await handle.write(bytes, done, wanted, at)
    done += bytesWritten
  }
}
