import { open, type FileHandle } from 'node:fs/promises'

import { WorkbenchError } from '../../../preload/contract.ts'

/**
 * Opens an ordinary file for reading; whoever calls closes the handle.
 * @throws WorkbenchError `not-found`, or `storage` when it may not be read, or `bad-input` when it is no file, or one
 * that stands for a file which Git LFS has not fetched.
 */
export async function openForReading(path: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    throw readError(path, error)
  }
  const status = await handle.stat()
  if (!status.isFile()) {
    await handle.close()
    throw new WorkbenchError('bad-input', `${path} is a folder, not a file.`)
  }
  if (status.size < largestPointer && (await isPointer(handle))) {
    await handle.close()
    throw new WorkbenchError(
      'bad-input',
      `${path} is a Git LFS pointer; the file that it stands for has not been fetched. ` +
        `Run "git lfs pull" in its folder, or download the file.`,
    )
  }
  return { handle, size: status.size }
}

/** Of the format's own limit: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
const largestPointer = 1024
const pointerBeginning = 'version https://git-lfs.github.com/spec/'

async function isPointer(handle: FileHandle): Promise<boolean> {
  const beginning = Buffer.alloc(pointerBeginning.length)
  await handle.read(beginning, 0, beginning.length, 0)
  return beginning.toString('latin1') === pointerBeginning
}

/** What a user is told when a file could not be opened or read. */
export function readError(path: string, error: unknown): WorkbenchError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new WorkbenchError('not-found', `${path} does not exist.`, { cause: error })
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new WorkbenchError('storage', `${path} could not be read: ${reason}`, { cause: error })
}
