/** Which columns of the runs' table are shown, in which order, and which of them are pinned. */
import { z } from 'zod'

export interface ColumnChoice {
  /** In order; the pinned ones come first. */
  shown: string[]
  pinned: string[]
}

const Choice = z.object({ shown: z.array(z.string()).min(1), pinned: z.array(z.string()) })

/** A choice as it was remembered; the default where it cannot be read. */
export function readChoice(text: string | undefined, otherwise: ColumnChoice): ColumnChoice {
  if (text === undefined) return otherwise
  try {
    return Choice.parse(JSON.parse(text))
  } catch {
    return otherwise
  }
}

/** Shows or hides a column. The last one stays: a table of nothing could not be changed back. */
export function withColumn(choice: ColumnChoice, id: string, shown: boolean): ColumnChoice {
  if (shown) return choice.shown.includes(id) ? choice : { ...choice, shown: [...choice.shown, id] }
  const rest = choice.shown.filter((other) => other !== id)
  return rest.length === 0 ? choice : { shown: rest, pinned: choice.pinned.filter((other) => other !== id) }
}

/** Pins a shown column after those pinned before it, or lets it go. */
export function withPin(choice: ColumnChoice, id: string, pinned: boolean): ColumnChoice {
  const pins = choice.pinned.filter((other) => other !== id)
  return ordered({ ...choice, pinned: pinned && choice.shown.includes(id) ? [...pins, id] : pins })
}

/** Moves a column by one place within the pinned or the other ones. */
export function withMove(choice: ColumnChoice, id: string, by: -1 | 1): ColumnChoice {
  const shown = [...ordered(choice).shown]
  const from = shown.indexOf(id)
  const other = shown[from + by]
  if (from < 0 || other === undefined || choice.pinned.includes(id) !== choice.pinned.includes(other))
    return choice
  shown[from] = other
  shown[from + by] = id
  return { shown, pinned: shown.filter((column) => choice.pinned.includes(column)) }
}

/** The pinned columns first. */
export function ordered(choice: ColumnChoice): ColumnChoice {
  const pinned = choice.pinned.filter((id) => choice.shown.includes(id))
  return { pinned, shown: [...pinned, ...choice.shown.filter((id) => !pinned.includes(id))] }
}
