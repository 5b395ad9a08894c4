import { tokenStorageKey } from '../../preload/contract/wire.ts'

/**
 * The server's token: taken out of `#token=…` on arrival and kept for this tab, so that it stays out of the history
 * and of copied links. Imported before anything reads the address.
 */
takeToken()

// Opened over a page that is there already, the printed address changes nothing but the fragment.
window.addEventListener('hashchange', (event) => {
  if (!takeToken()) return
  event.stopImmediatePropagation()
  window.location.reload()
})

function takeToken(): boolean {
  const token = /^#token=([^&]+)/.exec(location.hash)?.[1]
  if (token === undefined) return false
  keepToken(token)
  history.replaceState(undefined, '', `${location.pathname}${location.search}#/`)
  return true
}

/** Keeps a token for this tab. */
export function keepToken(token: string): void {
  sessionStorage.setItem(tokenStorageKey, token)
}

/** The token of this tab, or an empty text. */
export function token(): string {
  return sessionStorage.getItem(tokenStorageKey) ?? ''
}
