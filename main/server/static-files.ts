import { realpath, readFile, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

export interface StaticFile {
  body: Uint8Array<ArrayBuffer>
  headers: Record<string, string>
}

/**
 * Headers of every answer. Styles may be inline because Svelte's transitions and ECharts' tooltips set them;
 * scripts may not. The WebSocket is named because older browsers do not count it into 'self';
 * [::1] is not, as a policy has no word for it and browsers would complain on every page.
 */
export function securityHeaders(port: number): Record<string, string> {
  const policy = [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    `connect-src 'self' ws://127.0.0.1:${String(port)} ws://localhost:${String(port)}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), payment=()',
  }
}

/**
 * The file of the renderer's build that a URL path names; undefined where there is none inside `root`, whether
 * the path climbs out by dots, by percent signs, or by a link.
 * @param urlPath path of the request as it came, still percent-encoded
 */
export async function readStaticFile(root: string, urlPath: string): Promise<StaticFile | undefined> {
  const relative = decodePath(urlPath)
  if (relative === undefined) return undefined
  try {
    const realRoot = await realpath(root)
    const file = await realpath(join(realRoot, relative === '/' ? 'index.html' : relative))
    if (!file.startsWith(realRoot + sep) || !(await stat(file)).isFile()) return undefined
    const type = contentTypes[extname(file).toLowerCase()]
    if (type === undefined) return undefined
    // The build puts a hash of the content into the names below assets/.
    const cache = relative.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
    return {
      body: new Uint8Array(await readFile(file)),
      headers: { 'content-type': type, 'cache-control': cache },
    }
  } catch {
    return undefined
  }
}

/** Decoded once; undefined for what no link in the build can be. */
function decodePath(urlPath: string): string | undefined {
  try {
    const path = decodeURIComponent(urlPath)
    const parts = path.split('/')
    if (!path.startsWith('/') || path.includes('\\') || path.includes('\0')) return undefined
    return parts.includes('..') || parts.some((part) => part.startsWith('.')) ? undefined : path
  } catch {
    return undefined
  }
}
