import { randomUUID } from 'node:crypto'

import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket as ServerSocket } from 'ws'

import type { ClientMessage, ServerMessage } from '../../../preload/contract/wire.ts'
import { connectSocket, defaultBackoff, type ConnectionState } from '../../../renderer/lib/socket.ts'

/** A host that can be taken away and brought back on the same port. */
async function startHost(port = 0, session: string = randomUUID()) {
  const server = new WebSocketServer({ port, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  const heard: ClientMessage[] = []
  const sockets: ServerSocket[] = []
  const waiting: {
    matches: (message: ClientMessage) => boolean
    resolve: (message: ClientMessage) => void
  }[] = []
  server.on('connection', (socket) => {
    sockets.push(socket)
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as ClientMessage
      heard.push(message)
      for (const entry of waiting) if (entry.matches(message)) entry.resolve(message)
    })
    send(socket, { type: 'hello', session, version: '1' })
  })
  const send = (socket: ServerSocket, message: ServerMessage) => socket.send(JSON.stringify(message))
  const address = server.address()
  return {
    session,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heard,
    /** The first message that fits, heard already or to come. */
    hear(matches: (message: ClientMessage) => boolean): Promise<ClientMessage> {
      const known = heard.find(matches)
      if (known !== undefined) return Promise.resolve(known)
      return new Promise((resolve) => waiting.push({ matches, resolve }))
    },
    broadcast: (message: ServerMessage) => sockets.forEach((socket) => send(socket, message)),
    async stop(): Promise<void> {
      for (const socket of sockets) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function connect(port: number, refused = false) {
  const states: ConnectionState[] = []
  const watchers: (() => void)[] = []
  const api = connectSocket({
    url: `ws://127.0.0.1:${port}/socket`,
    token: 'secret',
    backoff: () => 10,
    isRefused: () => Promise.resolve(refused),
    onState(state) {
      states.push(state)
      for (const watcher of watchers) watcher()
    },
  })
  cleanups.push(() => api.close())
  return {
    api,
    states,
    reaches: (state: ConnectionState['state'], from = 0) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (states.slice(from).some((entry) => entry.state === state)) resolve()
        }
        watchers.push(look)
        look()
      }),
  }
}

async function host(...args: Parameters<typeof startHost>) {
  const started = await startHost(...args)
  cleanups.push(() => started.stop())
  return started
}

const isInvoke = (message: ClientMessage) => message.type === 'invoke'

describe('the connection to the headless host', () => {
  it('answers calls by their id, and passes errors in the contract’s words', async () => {
    const server = await host()
    const { api } = connect(server.port)
    const good = api.invoke('runs.list', {})
    const bad = api.invoke('runs.get', { id: 'x' })
    await server.hear((message) => message.type === 'invoke' && message.name === 'runs.get')
    for (const call of server.heard) {
      if (call.type !== 'invoke') continue
      server.broadcast(
        call.name === 'runs.list'
          ? { type: 'result', id: call.id, output: [] }
          : { type: 'error', id: call.id, error: { code: 'not-found', message: 'there is no run x' } },
      )
    }
    await expect(good).resolves.toEqual([])
    await expect(bad).rejects.toMatchObject({ code: 'not-found', message: 'there is no run x' })
  })

  it('subscribes a topic once and hands its messages to every listener', async () => {
    const server = await host()
    const { api, reaches } = connect(server.port)
    await reaches('ready')
    const first: string[] = []
    const second = new Promise<string>((resolve) => api.subscribe('run.removed', ({ id }) => resolve(id)))
    api.subscribe('run.removed', ({ id }) => first.push(id))
    await server.hear((message) => message.type === 'subscribe')
    server.broadcast({ type: 'event', topic: 'run.removed', message: { id: 'r1' } })
    await expect(second).resolves.toBe('r1')
    expect(first).toEqual(['r1'])
    expect(server.heard.filter((message) => message.type === 'subscribe')).toHaveLength(1)
  })

  it('comes back after a loss, subscribes again and repeats open calls under their old id', async () => {
    const server = await host()
    const { api, states, reaches } = connect(server.port)
    await reaches('ready')
    const end = api.subscribe('run.changed', () => undefined)
    const open = api.invoke('datasets.list', {})
    const asked = await server.hear(isInvoke)
    await server.stop()
    await reaches('lost')
    const known = states.length
    const again = await host(server.port, server.session)
    await reaches('ready', known)
    const repeated = await again.hear(isInvoke)
    expect(repeated).toEqual(asked)
    await again.hear((message) => message.type === 'subscribe' && message.topic === 'run.changed')
    if (repeated.type === 'invoke') again.broadcast({ type: 'result', id: repeated.id, output: [] })
    await expect(open).resolves.toEqual([])
    end()
    await again.hear((message) => message.type === 'unsubscribe')
  })

  it('fails open calls when the host was restarted, since it knows nothing of them', async () => {
    const server = await host()
    const { api, reaches } = connect(server.port)
    await reaches('ready')
    const open = api.invoke('datasets.list', {})
    await server.hear(isInvoke)
    await server.stop()
    await host(server.port, 'another session')
    await expect(open).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('gives up where the host is there and refuses the token', async () => {
    const server = await startHost()
    await server.stop()
    const { reaches } = connect(server.port, true)
    await reaches('refused')
  })

  it('waits longer from attempt to attempt, up to eight seconds', () => {
    expect([0, 1, 2, 3, 4, 10].map(defaultBackoff)).toEqual([500, 1000, 2000, 4000, 8000, 8000])
  })
})
