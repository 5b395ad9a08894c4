/** The view's state as the URL's hash: `#/runs/abc?tab=log`. */

export interface Location {
  /** Decoded parts of the path. */
  path: string[]
  query: Record<string, string>
}

/** Reads a hash; what is not a path of ours (empty, foreign) is the overview. */
export function parseHash(hash: string): Location {
  const text = hash.replace(/^#\/?/, '')
  const mark = text.indexOf('?')
  const path = (mark < 0 ? text : text.slice(0, mark)).split('/').filter(Boolean).map(decode)
  const query = Object.fromEntries(new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1)))
  return { path, query }
}

/** Writes a hash; empty values of the query are left out, so that a default makes no noise in the address. */
export function formatHash(path: readonly string[], query: Record<string, string | undefined> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, value)
  }
  const tail = search.toString()
  return `#/${path.map(encodeURIComponent).join('/')}${tail === '' ? '' : `?${tail}`}`
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
