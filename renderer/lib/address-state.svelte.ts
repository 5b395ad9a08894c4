import { untrack } from 'svelte'

import { route } from './router.svelte.ts'

/**
 * For a form that keeps its state in the address: tells it to read the address again when that changed otherwise
 * (back, forward, a link to the same view). The form says `wrote` after each change of its own. Call it while a
 * component is being set up.
 */
export function followAddress(reread: () => void): { wrote(): void } {
  let known = JSON.stringify(route.query)
  $effect(() => {
    const now = JSON.stringify(route.query)
    if (now === known) return
    known = now
    untrack(reread)
  })
  return {
    wrote() {
      known = JSON.stringify(route.query)
    },
  }
}
