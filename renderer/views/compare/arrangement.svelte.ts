/** Where the charts of a comparison stand and which are hidden: moved by hand, and remembered. */
import { getContext, setContext } from 'svelte'

import {
  arranged,
  asAtFirst,
  readArrangement,
  withChartBeside,
  withChartHidden,
  withChartMoved,
  type ChartArrangement,
} from '../../lib/chart-order.ts'
import { recall, remember } from '../../lib/remember.ts'

const storageKey = 'compare.charts'
const remembered: { value: ChartArrangement } = $state({ value: readArrangement(recall(storageKey)) })

function put(next: ChartArrangement): void {
  remembered.value = next
  remember(storageKey, JSON.stringify(next))
}

export interface Arrangement {
  /** Titles of the charts that are there, in their order; hidden ones are left out. */
  readonly shown: string[]
  readonly hidden: string[]
  /** Whether anything stands or shows otherwise than at first. */
  readonly isChanged: boolean
  /** Title of the chart that is being dragged. */
  dragged: string | undefined
  /** Past its neighbour. @returns its place among those shown, from 1 */
  move(title: string, by: -1 | 1): number
  /** Puts the dragged chart beside another one. */
  drop(beside: string, after: boolean): void
  hide(title: string, hidden: boolean): void
  reset(): void
}

const contextKey = Symbol('arrangement of charts')

/** @param titles of the charts that there are, as they stand at first */
export function provideArrangement(titles: () => readonly string[]): Arrangement {
  let dragged: string | undefined = $state()
  const isHidden = (title: string) => remembered.value.hidden.includes(title)
  const shown = $derived(arranged(titles(), remembered.value).filter((title) => !isHidden(title)))
  const hidden = $derived(titles().filter(isHidden))
  return setContext<Arrangement>(contextKey, {
    get shown() {
      return shown
    },
    get hidden() {
      return hidden
    },
    get isChanged() {
      return hidden.length > 0 || arranged(titles(), remembered.value).join('\n') !== titles().join('\n')
    },
    get dragged() {
      return dragged
    },
    set dragged(title) {
      dragged = title
    },
    move(title, by) {
      put(withChartMoved(remembered.value, titles(), title, by))
      return shown.indexOf(title) + 1
    },
    drop(beside, after) {
      if (dragged !== undefined)
        put(withChartBeside(remembered.value, titles(), { title: dragged, beside, after }))
      dragged = undefined
    },
    hide: (title, hide) => put(withChartHidden(remembered.value, title, hide)),
    reset: () => put(asAtFirst),
  })
}

export function useArrangement(): Arrangement {
  return getContext<Arrangement>(contextKey)
}
