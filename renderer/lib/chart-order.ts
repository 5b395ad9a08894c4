/** In which order the charts of a comparison stand and which are hidden, by their titles. */
import { z } from 'zod'

export interface ChartArrangement {
  /** As they were put; charts that are not named stand where they stand at first. */
  order: readonly string[]
  hidden: readonly string[]
}

export const asAtFirst: ChartArrangement = { order: [], hidden: [] }

const Arrangement = z.object({ order: z.array(z.string()), hidden: z.array(z.string()) })

/** Charts of other comparisons are remembered too, up to this many. */
const most = 200

/** An arrangement as it was remembered; the first one where it cannot be read. */
export function readArrangement(text: string | undefined): ChartArrangement {
  if (text === undefined) return asAtFirst
  try {
    return Arrangement.parse(JSON.parse(text))
  } catch {
    return asAtFirst
  }
}

/**
 * The titles as they were put. One that was never moved follows the title that it follows at first, so that a chart
 * of another comparison is not sent to the end.
 * @param titles as they stand at first
 */
export function arranged(titles: readonly string[], { order }: ChartArrangement): string[] {
  const placed = order.filter((title) => titles.includes(title))
  titles.forEach((title, index) => {
    if (placed.includes(title)) return
    const before = titles[index - 1]
    placed.splice(before === undefined ? 0 : placed.indexOf(before) + 1, 0, title)
  })
  return placed
}

/** Puts a chart beside another one. @param titles as they stand at first */
export function withChartBeside(
  arrangement: ChartArrangement,
  titles: readonly string[],
  { title, beside, after }: { title: string; beside: string; after: boolean },
): ChartArrangement {
  const rest = arranged(titles, arrangement).filter((other) => other !== title)
  const at = rest.indexOf(beside)
  if (title === beside || at < 0 || !titles.includes(title)) return arrangement
  rest.splice(after ? at + 1 : at, 0, title)
  const elsewhere = arrangement.order.filter((other) => !titles.includes(other))
  return { ...arrangement, order: [...rest, ...elsewhere].slice(0, most) }
}

/** Moves a chart past its neighbour among those that are shown. @param titles as they stand at first */
export function withChartMoved(
  arrangement: ChartArrangement,
  titles: readonly string[],
  title: string,
  by: -1 | 1,
): ChartArrangement {
  const shown = arranged(titles, arrangement).filter((other) => !arrangement.hidden.includes(other))
  const at = shown.indexOf(title)
  const beside = at < 0 ? undefined : shown[at + by]
  return beside === undefined
    ? arrangement
    : withChartBeside(arrangement, titles, { title, beside, after: by > 0 })
}

export function withChartHidden(
  arrangement: ChartArrangement,
  title: string,
  hidden: boolean,
): ChartArrangement {
  const rest = arrangement.hidden.filter((other) => other !== title)
  return { ...arrangement, hidden: hidden ? [title, ...rest].slice(0, most) : rest }
}
