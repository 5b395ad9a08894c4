import { WorkbenchError } from '../../preload/contract.ts'
import { attachOrOpen, type Connection } from '../attach.ts'
import type { WorkbenchPort } from '../local-socket.ts'

/** The workbench as the headless host offers it: always the one of the home folder, wherever that runs now. */
export interface Host extends WorkbenchPort {
  /** Whether the workbench runs in another process at this moment. */
  isAttached(): boolean
  /** The workbench is another one than before: calls in flight were refused, and what was shown may be old. */
  onReplaced(listener: () => void): void
}

const shellAnswers: Record<string, string> = {
  'shell.openFiles':
    'File dialogs belong to the desktop program. In a browser, upload the file or type a path that the server can read.',
  'shell.revealFolder':
    'Only the desktop program can open a folder; its path is shown so that you can open it yourself.',
  'shell.quit': 'A browser cannot quit the server; press Ctrl-C where it was started.',
}

/**
 * Attach to or open the workbench of `home`. When the process attached to goes away, take its place (or attach to
 * whoever did).
 * @param onFailed no workbench can be reached or opened any more
 */
export async function createHost(
  home: string,
  open: () => WorkbenchPort | Promise<WorkbenchPort>,
  onFailed: (error: unknown) => void,
): Promise<Host> {
  const listeners = new Set<(topic: string, message: unknown) => void>()
  const replacedListeners = new Set<() => void>()
  let closed = false
  let attached = false
  let current: Promise<Connection> = connect()

  function connect(): Promise<Connection> {
    return attachOrOpen(home, open).then((connection) => {
      attached = connection.attached
      connection.onEvent((topic, message) => {
        for (const listener of listeners) listener(topic, message)
      })
      connection.onLost(replace)
      return connection
    })
  }

  function replace(): void {
    if (closed) return
    current = connect()
    current.then(() => {
      for (const listener of replacedListeners) listener()
    }, onFailed)
  }

  await current
  return {
    isAttached: () => attached,
    invoke: async (name, input) => {
      const refused = shellAnswers[name]
      if (refused !== undefined) throw new WorkbenchError('unsupported', refused)
      return (await current).invoke(name, input)
    },
    onEvent: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onReplaced: (listener) => {
      replacedListeners.add(listener)
    },
    close: async () => {
      closed = true
      const connection = await current.catch(() => undefined)
      await connection?.close()
    },
  }
}
