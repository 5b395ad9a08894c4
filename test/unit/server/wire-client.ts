import { request, type IncomingHttpHeaders } from 'node:http'

import { WebSocket } from 'ws'

import { socketPath, webSocketProtocols, type ServerMessage } from '../../../preload/contract/wire.ts'

export interface RawAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** An HTTP request exactly as given: `fetch` would set Host itself and resolve dots in the path. */
export function rawRequest(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<RawAnswer> {
  const { method = 'GET', headers = {}, body } = options
  return new Promise((done, fail) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () =>
        done({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      )
    })
    outgoing.on('error', fail)
    outgoing.end(body)
  })
}

/** Status with which a WebSocket upgrade is refused; 101 where it is accepted. */
export function upgradeStatus(
  port: number,
  protocols: string[],
  headers: Record<string, string> = {},
  path = socketPath,
): Promise<number> {
  return new Promise((done, fail) => {
    const socket = new WebSocket(`ws://127.0.0.1:${String(port)}${path}`, protocols, { headers })
    socket.on('open', () => {
      socket.close()
      done(101)
    })
    socket.on('unexpected-response', (outgoing, answer) => {
      outgoing.destroy()
      done(answer.statusCode ?? 0)
    })
    socket.on('error', fail)
  })
}

/** A page's end of the wire: what it sends, and what came, in order. */
export async function openWire(port: number, token: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${String(port)}${socketPath}`, webSocketProtocols(token))
  const messages: ServerMessage[] = []
  const waiting = new Set<() => void>()
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString('utf8')) as ServerMessage)
    for (const check of waiting) check()
  })
  const closed = new Promise<number>((done) => socket.on('close', done))
  await new Promise((done, fail) => socket.on('open', done).on('error', fail))

  const next = <Found extends ServerMessage>(
    matches: (message: ServerMessage) => message is Found,
  ): Promise<Found> =>
    new Promise((done) => {
      const check = (): void => {
        const found = messages.find(matches)
        if (found === undefined) return
        waiting.delete(check)
        done(found)
      }
      waiting.add(check)
      check()
    })
  return {
    socket,
    messages,
    closed,
    send: (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    hello: () =>
      next((message): message is Extract<ServerMessage, { type: 'hello' }> => message.type === 'hello'),
    answerTo: (id: string) =>
      next(
        (message): message is Extract<ServerMessage, { id: string }> => 'id' in message && message.id === id,
      ),
    event: () =>
      next((message): message is Extract<ServerMessage, { type: 'event' }> => message.type === 'event'),
  }
}
