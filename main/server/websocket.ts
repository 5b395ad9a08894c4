import { randomUUID } from 'node:crypto'
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { z } from 'zod'

import { toContractError, topics, type ContractError } from '../../preload/contract.ts'
import { socketPath, webSocketProtocol } from '../../preload/contract/wire.ts'
import type { WorkbenchPort } from '../local-socket.ts'
import { protocolToken, refuseForeign, refuseWithoutToken } from './access.ts'
import { createAnswers } from './answers.ts'

const largestMessage = 16 * 2 ** 20
/** A client that reads nothing is dropped once so much waits for it. */
const largestBacklog = 64 * 2 ** 20
const heartbeatMilliseconds = 30_000

const ClientMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('invoke'),
    id: z.string().min(1).max(100),
    name: z.string(),
    input: z.unknown().optional(),
  }),
  z.object({ type: z.literal('subscribe'), topic: z.string() }),
  z.object({ type: z.literal('unsubscribe'), topic: z.string() }),
])

export interface WebSocketHost {
  /** For the HTTP server's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Ask every client to connect anew and to fetch again what it shows. */
  restart(): void
  close(): void
}

/** The contract over WebSocket, as wire.ts says. */
export function createWebSocketHost(options: {
  workbench: Pick<WorkbenchPort, 'invoke' | 'onEvent'>
  token: string
  port: () => number
  version: string
}): WebSocketHost {
  const { workbench, token, port, version } = options
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: largestMessage,
    perMessageDeflate: false,
    handleProtocols: () => webSocketProtocol,
  })
  const subscriptions = new Map<WebSocket, Set<string>>()
  const alive = new WeakSet<WebSocket>()
  let session = randomUUID()
  let answers = createAnswers()

  const stopEvents = workbench.onEvent((topic, message) => {
    let text: string | undefined
    for (const [client, wanted] of subscriptions) {
      if (wanted.has(topic)) send(client, (text ??= JSON.stringify({ type: 'event', topic, message })))
    }
  })
  const heartbeat = setInterval(() => {
    for (const client of subscriptions.keys()) {
      if (!alive.has(client)) client.terminate()
      alive.delete(client)
      client.ping()
    }
  }, heartbeatMilliseconds)
  heartbeat.unref()

  const run = async (id: string, name: string, input: unknown): Promise<string> => {
    try {
      return JSON.stringify({ type: 'result', id, output: await workbench.invoke(name, input) })
    } catch (error) {
      return JSON.stringify({ type: 'error', id, error: toContractError(error) })
    }
  }

  const receive = (client: WebSocket, wanted: Set<string>, data: RawData): void => {
    const message = parse(data)
    if (message === undefined) client.close(1008, 'not a message of this protocol')
    else if (message.type === 'unsubscribe') wanted.delete(message.topic)
    else if (message.type === 'subscribe') {
      if (Object.hasOwn(topics, message.topic)) wanted.add(message.topic)
      else client.close(1008, 'no such topic')
    } else {
      const { id, name, input } = message
      void answers.answer(id, () => run(id, name, input)).then((text) => send(client, text))
    }
  }

  const accept = (client: WebSocket): void => {
    const wanted = new Set<string>()
    subscriptions.set(client, wanted)
    alive.add(client)
    client.on('pong', () => alive.add(client))
    client.on('error', () => client.terminate())
    client.on('close', () => subscriptions.delete(client))
    client.on('message', (data, isBinary) => {
      if (isBinary) client.close(1003, 'text frames only')
      else receive(client, wanted, data)
    })
    send(client, JSON.stringify({ type: 'hello', session, version }))
  }

  const closeAll = (code: number, reason: string): void => {
    for (const client of subscriptions.keys()) client.close(code, reason)
  }

  return {
    upgrade: (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      const foreign = refuseForeign(request.headers, port())
      const refusal =
        foreign ??
        (request.url?.split('?')[0] === socketPath ? undefined : nothingHere) ??
        refuseWithoutToken(protocolToken(request.headers), token)
      if (refusal === undefined) server.handleUpgrade(request, socket, head, accept)
      else refuse(socket, refusal)
    },
    restart: () => {
      session = randomUUID()
      answers = createAnswers()
      closeAll(1012, 'the workbench was replaced')
    },
    close: () => {
      clearInterval(heartbeat)
      stopEvents()
      closeAll(1001, 'the server ends')
      server.close()
    },
  }
}

const nothingHere: { status: number; error: ContractError } = {
  status: 404,
  error: { code: 'not-found', message: `WebSockets are served at ${socketPath} only.` },
}

function refuse(socket: Duplex, refusal: { status: number; error: ContractError }): void {
  const body = JSON.stringify({ error: refusal.error })
  const head = [
    `HTTP/1.1 ${String(refusal.status)} ${STATUS_CODES[refusal.status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function send(client: WebSocket, text: string): void {
  if (client.readyState !== client.OPEN) return
  client.send(text)
  if (client.bufferedAmount > largestBacklog) client.terminate()
}

function parse(data: RawData): z.infer<typeof ClientMessage> | undefined {
  try {
    const buffer = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)
    return ClientMessage.parse(JSON.parse(buffer.toString('utf8')))
  } catch {
    return undefined
  }
}
