/**
 * What the page may do, as pure functions that deny whatever they do not name. Nothing here knows Electron.
 */

export const pageScheme = 'app'
export const pageOrigin = `${pageScheme}://workbench`

/** Sent with every answer of the page's scheme. Inline style attributes stay allowed: charts position with them. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-src 'none'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The frame that sent a message, as Electron reports it. */
export interface Sender {
  url: string
  isMainFrame: boolean
}

/** Whether `url` belongs to the page's origin (scheme, host and port; no user name in it). */
export function isOwnPage(url: string, origin: string): boolean {
  const [parsed, own] = [parseUrl(url), parseUrl(origin)]
  if (parsed === undefined || own === undefined) return false
  // `URL.origin` is the text "null" for every scheme of one's own, so the parts are compared.
  return (
    parsed.protocol === own.protocol &&
    parsed.host === own.host &&
    parsed.username === '' &&
    parsed.password === ''
  )
}

/** A frame may only ever go to the page's own origin: a reload, nothing else. */
export function mayNavigate(url: string, origin: string): boolean {
  return isOwnPage(url, origin)
}

/** A message is heard only from the main frame, and only while the page's own origin is shown in it. */
export function maySend(sender: Sender | undefined, origin: string): boolean {
  return sender !== undefined && sender.isMainFrame && isOwnPage(sender.url, origin)
}

/**
 * The file, relative to the page's folder with `/` between its parts, that a request of the page's scheme names;
 * undefined where it names none: another host, or a path that would leave the folder.
 */
export function pageFile(url: string): string | undefined {
  if (!isOwnPage(url, pageOrigin)) return undefined
  const path = decodePath(parseUrl(url)?.pathname ?? '')
  if (path === undefined) return undefined
  const parts = path.split('/').filter((part) => part !== '')
  if (parts.some((part) => part === '..' || part === '.' || /[\\:\0]/.test(part))) return undefined
  return parts.length === 0 ? 'index.html' : parts.join('/')
}

function parseUrl(url: string): URL | undefined {
  try {
    return new URL(url)
  } catch {
    return undefined
  }
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
