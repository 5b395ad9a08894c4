import { open, type FileHandle } from 'node:fs/promises'

import { WorkbenchError } from '../../../preload/contract.ts'

/**
 * Opens an ordinary file for reading; whoever calls closes the handle.
 * @throws WorkbenchError `not-found`, or `storage` when it may not be read, or `bad-input` when it is no file.
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
  return { handle, size: status.size }
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
