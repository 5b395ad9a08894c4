/** What the charts of a comparison share: the group that is pointed at, and how to hide what a brush left out. */
import { getContext, setContext } from 'svelte'

export interface Linked {
  /** Id of the group under the pointer or the focus, in whichever chart or table. */
  hovered: string | undefined
  /** Hides every group but these, everywhere. */
  keepOnly: (ids: readonly string[]) => void
  /** Makes a chart fill the width, or not. */
  enlarge: (title: string) => void
  readonly large: string | undefined
}

const key = Symbol('linked charts')

export function provideLinked(actions: Omit<Linked, 'hovered'>): Linked {
  let hovered: string | undefined = $state()
  const linked: Linked = {
    get hovered() {
      return hovered
    },
    set hovered(id) {
      hovered = id
    },
    keepOnly: actions.keepOnly,
    enlarge: actions.enlarge,
    get large() {
      return actions.large
    },
  }
  setContext(key, linked)
  return linked
}

export function useLinked(): Linked {
  return getContext<Linked>(key)
}
