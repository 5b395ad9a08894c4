import { promises as files } from 'node:fs'
import { extname, join } from 'node:path'

import { protocol } from 'electron'

import { contentSecurityPolicy, pageFile, pageScheme } from './policies.ts'

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
}

interface PageAnswer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** Must run before the app is ready. A scheme of its own gives the page an origin and module scripts, without a port. */
export function declarePageScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: pageScheme, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ])
}

/** Serves the files of `folder` under the page's scheme, each with the content security policy. */
export function servePage(folder: string): void {
  if (typeof protocol.handle === 'function') {
    protocol.handle(pageScheme, async ({ url }) => {
      const { status, headers, body } = await answer(folder, url)
      return new Response(new Uint8Array(body), { status, headers })
    })
    return
  }
  // Before Electron 25.
  protocol.registerBufferProtocol(pageScheme, (request, callback) => {
    void answer(folder, request.url).then(({ status, headers, body }) =>
      callback({
        statusCode: status,
        headers,
        mimeType: headers['content-type']?.split(';')[0] ?? '',
        data: body,
      }),
    )
  })
}

async function answer(folder: string, url: string): Promise<PageAnswer> {
  const headers = { 'content-security-policy': contentSecurityPolicy, 'x-content-type-options': 'nosniff' }
  const file = pageFile(url)
  const body =
    file === undefined ? undefined : await files.readFile(join(folder, file)).catch(() => undefined)
  if (file === undefined || body === undefined) {
    return {
      status: 404,
      headers: { ...headers, 'content-type': 'text/plain' },
      body: Buffer.from('not found'),
    }
  }
  const type = contentTypes[extname(file)] ?? 'application/octet-stream'
  return { status: 200, headers: { ...headers, 'content-type': type }, body }
}
