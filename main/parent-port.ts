import { setTimeout as delay } from 'node:timers/promises'

import { toContractError, type ContractError } from '../preload/contract.ts'
import type { FromTrainerHost, FromWorkbench, ToWorkbench } from './ipc-messages.ts'
import type { WorkbenchPort } from './local-socket.ts'
import { createHost, type Host } from './server/host.ts'

/** The line to the process that started this one. */
export interface ParentPort {
  /** The parent is Electron's, which alone can start a `utilityProcess`: trainers are asked from it. */
  readonly isElectron: boolean
  post(message: FromWorkbench): void
  /** Resolves when what was posted has left this process. */
  flush(): Promise<void>
  onMessage(listener: (message: ToWorkbench) => void): void
  /** The parent went away. */
  onLost(listener: () => void): void
}

/** What `process.parentPort` is inside a `utilityProcess`. */
interface ElectronParentPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { data: ToWorkbench }) => void): void
}

/** The parent port of this process; undefined where it was started by hand. */
export function findParentPort(): ParentPort | undefined {
  const electron: ElectronParentPort | undefined = Reflect.get(process, 'parentPort')
  if (electron !== undefined) {
    return {
      isElectron: true,
      post: (message) => electron.postMessage(message),
      // Electron does not say when a message has left.
      flush: () => delay(100),
      onMessage: (listener) => electron.on('message', (event) => listener(event.data)),
      // Electron ends its utility processes with itself.
      onLost: () => undefined,
    }
  }
  if (process.send === undefined) return undefined
  let last: Promise<void> = Promise.resolve()
  return {
    isElectron: false,
    post: (message) => {
      // A parent that has just gone hears nothing; `disconnect` says so.
      if (!process.connected) return
      last = new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()))
    },
    flush: () => last,
    onMessage: (listener) => process.on('message', (message) => listener(message as ToWorkbench)),
    onLost: (listener) => process.once('disconnect', listener),
  }
}

export interface ParentOptions {
  port: ParentPort
  /** Names and makes the home folder. */
  home: () => string
  /** Opens the services on it, unless another process has them: then that one is attached to. */
  open: (home: string) => Promise<WorkbenchPort>
  onTrainer?: (message: FromTrainerHost) => void
}

/**
 * Serves the workbench to the parent until it asks to close, goes away, or a signal comes. Resolves to the exit code
 * once everything is closed: 1 when the workbench could not be opened, which has been posted as `failed` then.
 */
export async function serveParent(options: ParentOptions): Promise<number> {
  const { port } = options
  let stop = (): void => undefined
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const opening = (async () => {
    const home = options.home()
    return createHost(home, () => options.open(home), fail)
  })()
  // Calls may come before it is open; their answers say what went wrong.
  opening.catch(() => undefined)
  let failure: ContractError | undefined

  function fail(error: unknown): void {
    failure = toContractError(error)
    stop()
  }

  async function answer(id: number, name: string, input: unknown): Promise<void> {
    try {
      const value = await (await opening).invoke(name, input)
      port.post({ type: 'result', id, ok: true, ...(value === undefined ? {} : { value }) })
    } catch (error) {
      port.post({ type: 'result', id, ok: false, error: toContractError(error) })
    }
  }

  port.onMessage((message) => {
    if (message.type === 'invoke') void answer(message.id, message.name, message.input)
    else if (message.type === 'close') stop()
    else options.onTrainer?.(message)
  })
  port.onLost(stop)
  process.once('SIGTERM', stop)
  process.once('SIGHUP', stop)
  // Ctrl-C in a terminal reaches the parent as well, which asks the user and then asks this process to close.
  process.on('SIGINT', () => undefined)

  let host: Host | undefined
  try {
    host = await opening
    host.onEvent((topic, message) => port.post({ type: 'event', topic, message }))
    // Whoever shows something that came from the other workbench asks again.
    host.onReplaced(() => port.post({ type: 'ready' }))
    port.post({ type: 'ready' })
    await stopped
  } catch (error) {
    failure = toContractError(error)
  }
  await host?.close()
  if (failure !== undefined) port.post({ type: 'failed', error: failure })
  await port.flush()
  return failure === undefined ? 0 : 1
}
