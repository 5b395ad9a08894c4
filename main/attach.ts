import { setTimeout as delay } from 'node:timers/promises'

import { WorkbenchError } from '../preload/contract.ts'
import { acquireHomeLock, readHolder, type HomeLock } from './home-lock.ts'
import { connectLocalSocket, removeSocket, serveLocalSocket } from './local-socket.ts'
import type { RemoteWorkbench, WorkbenchPort } from './local-socket.ts'

/** The workbench of a home folder, wherever it runs. */
export interface Connection extends RemoteWorkbench {
  /** It runs in another process; `close` then only hangs up. */
  readonly attached: boolean
}

/**
 * Attach to the workbench that runs on this home folder, else become it: take the lock, `open` the services and
 * listen for others until `close`. While the holder is starting or ending, wait for it up to `patience` milliseconds.
 * @throws WorkbenchError `conflict` when a process holds the folder and does not answer; and whatever `open` throws
 */
export async function attachOrOpen(
  home: string,
  open: () => WorkbenchPort | Promise<WorkbenchPort>,
  patience = 20_000,
): Promise<Connection> {
  const deadline = Date.now() + patience
  for (;;) {
    const lock = acquireHomeLock(home)
    if (lock !== undefined) return become(home, lock, open)
    const address = readHolder(home)?.address
    if (address !== undefined) {
      const left = Math.max(deadline - Date.now(), 100)
      const remote = await connectLocalSocket(address, Math.min(left, 5000)).catch(() => undefined)
      if (remote !== undefined) return { ...remote, attached: true }
    }
    if (Date.now() >= deadline) throw doesNotAnswer(home)
    await delay(50)
  }
}

async function become(
  home: string,
  lock: HomeLock,
  open: () => WorkbenchPort | Promise<WorkbenchPort>,
): Promise<Connection> {
  let workbench: WorkbenchPort | undefined
  try {
    if (lock.previous?.address !== undefined) removeSocket(lock.previous.address)
    const opened = await open()
    workbench = opened
    const socket = await serveLocalSocket(home, opened)
    lock.announce(socket.address)
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      try {
        lock.announce(undefined)
        await socket.close()
      } finally {
        await opened.close().finally(() => lock.release())
      }
    }
    return {
      attached: false,
      invoke: (name, input) => opened.invoke(name, input),
      onEvent: (listener) => opened.onEvent(listener),
      onLost: () => undefined,
      close: () => (closing ??= close()),
    }
  } catch (error) {
    try {
      await workbench?.close()
    } finally {
      lock.release()
    }
    throw error
  }
}

function doesNotAnswer(home: string): WorkbenchError {
  const pid = readHolder(home)?.pid
  const holder = pid === undefined ? 'Another program' : `Another program (process ${String(pid)})`
  return new WorkbenchError(
    'conflict',
    `${holder} holds the home folder ${home} and does not answer. Wait for it or end it, or name another folder with --home.`,
  )
}
