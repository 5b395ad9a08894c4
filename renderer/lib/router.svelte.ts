import './token.ts'

import { formatHash, parseHash, type Location } from './hash.ts'

/** Where the window is; follows the address, and is changed only through `navigate` and `setQuery`. */
export const route: Location = $state(parseHash(location.hash))

function follow(): void {
  const next = parseHash(location.hash)
  route.path = next.path
  route.query = next.query
}

window.addEventListener('hashchange', follow)
window.addEventListener('popstate', follow)

/** Goes to another view; the one before is a step back. */
export function navigate(path: readonly string[], query: Record<string, string | undefined> = {}): void {
  const hash = formatHash(path, query)
  if (hash !== location.hash) location.hash = hash
  follow()
}

/**
 * Changes parts of the view's state in place. `push` makes it a step of its own for back and forward: right for a
 * tab or a sort order, wrong for every letter typed into a filter.
 */
export function setQuery(patch: Record<string, string | undefined>, push = false): void {
  const hash = formatHash(route.path, { ...route.query, ...patch })
  if (hash === location.hash) return
  if (push) history.pushState(undefined, '', hash)
  else history.replaceState(undefined, '', hash)
  follow()
}
