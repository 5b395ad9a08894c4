import { tokenStorageKey } from '../../preload/contract/wire.ts'

/**
 * The server's token: taken out of `#token=…` on arrival and kept for this tab, so that it stays out of the history
 * and of copied links. Imported before anything reads the address.
 */
const match = /^#token=([^&]+)/.exec(location.hash)
if (match?.[1] !== undefined) {
  keepToken(match[1])
  history.replaceState(undefined, '', `${location.pathname}${location.search}#/`)
}

/** Keeps a token for this tab. */
export function keepToken(token: string): void {
  sessionStorage.setItem(tokenStorageKey, token)
}

/** The token of this tab, or an empty text. */
export function token(): string {
  return sessionStorage.getItem(tokenStorageKey) ?? ''
}
