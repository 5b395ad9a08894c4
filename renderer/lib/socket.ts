/** The contract over the headless host's WebSocket (preload/contract/wire.ts), with reconnection. */
import type {
  EndpointName,
  InputOf,
  MessageOf,
  OutputOf,
  TopicName,
  WorkbenchApi,
} from '../../preload/contract.ts'
import { WorkbenchError } from '../../preload/contract/errors.ts'
import { webSocketProtocols, type ClientMessage, type ServerMessage } from '../../preload/contract/wire.ts'

export type ConnectionState =
  | { state: 'connecting' }
  | { state: 'ready' }
  /** `retryAt`: milliseconds since 1970 of the next attempt. */
  | { state: 'lost'; retryAt: number }
  /** The host is there and lets this token in no more: it was started anew, or the token was never right. */
  | { state: 'refused' }

export interface SocketOptions {
  url: string
  token: string
  onState: (state: ConnectionState) => void
  /** Whether the host is there but refuses the token: a browser does not tell a script why a socket failed. */
  isRefused: () => Promise<boolean>
  /** Delay before attempt n (from 0), in milliseconds. */
  backoff?: (attempt: number) => number
}

interface Pending {
  message: ClientMessage
  resolve: (output: unknown) => void
  reject: (error: WorkbenchError) => void
}

/** Half a second, doubling up to eight. */
export function defaultBackoff(attempt: number): number {
  return Math.min(8000, 500 * 2 ** attempt)
}

/**
 * Opens the connection and keeps it: after a loss it connects again, subscribes again and repeats the calls that
 * have no answer yet under their old ids. Where the host was restarted meanwhile those calls fail as `unavailable`.
 */
export function connectSocket(options: SocketOptions): WorkbenchApi & { retry(): void; close(): void } {
  const backoff = options.backoff ?? defaultBackoff
  const pending = new Map<string, Pending>()
  const listeners = new Map<TopicName, Set<(message: never) => void>>()
  let socket: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let session: string | undefined
  let ready = false
  let attempt = 0
  let closed = false

  const send = (message: ClientMessage) => socket?.send(JSON.stringify(message))

  function welcome(newSession: string): void {
    if (session !== undefined && session !== newSession) {
      for (const call of pending.values()) {
        call.reject(
          new WorkbenchError('unavailable', 'The workbench was restarted before it answered. Try again.'),
        )
      }
      pending.clear()
    }
    session = newSession
    ready = true
    attempt = 0
    for (const topic of listeners.keys()) send({ type: 'subscribe', topic })
    for (const call of pending.values()) send(call.message)
    options.onState({ state: 'ready' })
  }

  function receive(message: ServerMessage): void {
    if (message.type === 'hello') return welcome(message.session)
    if (message.type === 'event') {
      for (const listener of listeners.get(message.topic) ?? []) listener(message.message as never)
      return
    }
    const call = pending.get(message.id)
    if (call === undefined) return
    pending.delete(message.id)
    if (message.type === 'result') call.resolve(message.output)
    else {
      const { code, message: text, detail } = message.error
      call.reject(new WorkbenchError(code, text, detail === undefined ? {} : { detail }))
    }
  }

  function lose(): void {
    socket = undefined
    ready = false
    if (closed) return
    const delay = backoff(attempt)
    attempt += 1
    timer = setTimeout(open, delay)
    options.onState({ state: 'lost', retryAt: Date.now() + delay })
    void giveUpWhereRefused()
  }

  async function giveUpWhereRefused(): Promise<void> {
    if (!(await options.isRefused()) || ready || closed) return
    clearTimeout(timer)
    options.onState({ state: 'refused' })
  }

  function open(): void {
    clearTimeout(timer)
    const opened = new WebSocket(options.url, webSocketProtocols(options.token))
    socket = opened
    opened.addEventListener('message', (event: MessageEvent) => {
      if (socket === opened) receive(JSON.parse(String(event.data)) as ServerMessage)
    })
    opened.addEventListener('close', () => {
      if (socket === opened) lose()
    })
  }

  options.onState({ state: 'connecting' })
  open()

  return {
    host: 'server',
    invoke<Name extends EndpointName>(name: Name, input: InputOf<Name>): Promise<OutputOf<Name>> {
      const id = crypto.randomUUID()
      const message = { type: 'invoke', id, name, input } as ClientMessage
      return new Promise((resolve, reject) => {
        pending.set(id, { message, resolve: resolve as (output: unknown) => void, reject })
        if (ready) send(message)
      })
    },
    subscribe<Name extends TopicName>(name: Name, listener: (message: MessageOf<Name>) => void): () => void {
      const known = listeners.get(name)
      const entry = listener as (message: never) => void
      if (known === undefined) {
        listeners.set(name, new Set([entry]))
        if (ready) send({ type: 'subscribe', topic: name })
      } else known.add(entry)
      return () => {
        const set = listeners.get(name)
        if (set === undefined || !set.delete(entry) || set.size > 0) return
        listeners.delete(name)
        if (ready) send({ type: 'unsubscribe', topic: name })
      }
    },
    /** Connects now instead of when the delay is over. */
    retry() {
      if (!ready && socket?.readyState !== WebSocket.CONNECTING) open()
    },
    close() {
      closed = true
      clearTimeout(timer)
      socket?.close()
    },
  }
}
