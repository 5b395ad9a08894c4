import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'

import { toContractError, WorkbenchError, type ErrorCode } from '../../preload/contract.ts'
import { uploadPath } from '../../preload/contract/wire.ts'
import type { WorkbenchPort } from '../local-socket.ts'
import { bearerToken, newToken, refuseForeign, refuseWithoutToken } from './access.ts'
import { readStaticFile, securityHeaders } from './static-files.ts'
import type { Uploads } from './uploads.ts'
import { createWebSocketHost } from './websocket.ts'

export interface HttpHost {
  readonly port: number
  readonly token: string
  /** What the user opens; the token is in the fragment, which no server and no log sees. */
  readonly url: string
  /** See WebSocketHost. */
  restart(): void
  close(): Promise<void>
}

export interface HttpHostOptions {
  workbench: Pick<WorkbenchPort, 'invoke' | 'onEvent'>
  uploads: Uploads
  /** Folder of the renderer's build. */
  staticRoot: string
  /** 0: any free one. */
  port: number
  version: string
}

const statusOf: Partial<Record<ErrorCode, 400 | 404 | 507>> = {
  'bad-input': 400,
  'not-found': 404,
  storage: 507,
}

/**
 * Serve the renderer, uploads and the WebSocket on 127.0.0.1.
 * @throws WorkbenchError `conflict` when the port is in use
 */
export async function startHttpHost(options: HttpHostOptions): Promise<HttpHost> {
  const token = newToken()
  let port = options.port
  const webSockets = createWebSocketHost({ ...options, token, port: () => port })
  const app = createApp(options, token, () => port)
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  // A browser sends a large file for as long as that takes.
  server.requestTimeout = 0
  server.on('upgrade', (request: IncomingMessage, socket, head: Buffer) => {
    webSockets.upgrade(request, socket, head)
  })
  try {
    port = await listen(server, options.port)
  } catch (error) {
    webSockets.close()
    throw error
  }
  return {
    port,
    token,
    url: `http://127.0.0.1:${String(port)}/#token=${token}`,
    restart: () => webSockets.restart(),
    close: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()))
      webSockets.close()
      server.closeIdleConnections()
      const cut = setTimeout(() => server.closeAllConnections(), 500)
      await closed
      clearTimeout(cut)
    },
  }
}

function createApp(
  options: HttpHostOptions,
  token: string,
  port: () => number,
): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>()

  app.use(async (context, next) => {
    const refusal = refuseForeign(context.env.incoming.headers, port())
    if (refusal === undefined) await next()
    else context.res = context.json({ error: refusal.error }, refusal.status)
    for (const [name, value] of Object.entries(securityHeaders(port()))) context.res.headers.set(name, value)
  })

  app.post(uploadPath, async (context) => {
    const { incoming } = context.env
    const refusal = refuseWithoutToken(bearerToken(incoming.headers), token)
    if (refusal !== undefined) return context.json({ error: refusal.error }, refusal.status)
    const name = context.req.query('name')
    if (name === undefined || name === '') {
      throw new WorkbenchError('bad-input', `An upload needs its file's name: ${uploadPath}?name=reviews.csv`)
    }
    const length = Number(incoming.headers['content-length'] ?? Number.NaN)
    return context.json(
      await options.uploads.receive(name, incoming, Number.isNaN(length) ? undefined : length),
    )
  })

  app.get('*', async (context, next) => {
    // The path as it was sent: URL parsing has already resolved the dots that are to be refused.
    const path = (context.env.incoming.url ?? '/').split(/[?#]/)[0] ?? '/'
    const file = await readStaticFile(options.staticRoot, path)
    if (file !== undefined) return context.body(file.body, 200, file.headers)
    if (path === '/') return context.text('The pages of this program were not built. Run: npm run build', 503)
    return next()
  })

  // Whatever is no page needs the token.
  app.all('*', (context) => {
    const refusal = refuseWithoutToken(bearerToken(context.env.incoming.headers), token)
    if (refusal !== undefined) return context.json({ error: refusal.error }, refusal.status)
    return context.json({ error: { code: 'not-found', message: 'There is nothing at this address.' } }, 404)
  })
  app.onError((thrown, context) => {
    const error = toContractError(thrown)
    return context.json({ error: { code: error.code, message: error.message } }, statusOf[error.code] ?? 500)
  })
  return app
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE'
      const message = inUse
        ? `Port ${String(port)} is in use by another program. Choose another with --port, or --port 0 for any free one.`
        : `The server cannot listen on port ${String(port)}: ${error.message}`
      fail(new WorkbenchError(inUse ? 'conflict' : 'unavailable', message, { cause: error }))
    })
    server.listen(port, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })
}
