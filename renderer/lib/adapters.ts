/** How stored adapters are written and chosen from. */
import type { AdapterSummary, MethodChoice } from '../../preload/contract.ts'
import { formatScore } from './format.ts'

export const kindWords: Record<AdapterSummary['kind'], string> = {
  adapter: 'Adapter',
  fusion: 'Fusion',
  head: 'Head',
}

const metricWords: Record<string, string> = {
  accuracy: 'accuracy',
  macroF1: 'macro F1',
  matthews: 'Matthews',
}

/** A method with the options that differ from its preset: `seq_bn[reduction_factor=8]`. */
export function methodText({ name, options }: MethodChoice): string {
  const pairs = Object.entries(options).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return pairs.length === 0 ? name : `${name}[${pairs.join(', ')}]`
}

/** `accuracy 91.0`, in percent, of the run that trained it; undefined where none is known. */
export function scoreText({ score }: Pick<AdapterSummary, 'score'>): string | undefined {
  return score && `${metricWords[score.metric] ?? score.metric} ${formatScore(score.value)}`
}

/** The adapters that a method can build on: those of this backbone, in the list's order. */
export function usableAdapters(adapters: readonly AdapterSummary[], modelHash: string): AdapterSummary[] {
  return adapters.filter((adapter) => adapter.kind === 'adapter' && adapter.modelHash === modelHash)
}

/** The chosen ids with one added at the end or taken out. */
export function toggled(chosen: readonly string[], id: string): string[] {
  return chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]
}

/** The chosen ids with one moved by so many places; it stays within the list. */
export function moved(chosen: readonly string[], id: string, by: number): string[] {
  const from = chosen.indexOf(id)
  if (from < 0) return [...chosen]
  const rest = chosen.filter((other) => other !== id)
  const to = Math.max(0, Math.min(rest.length, from + by))
  return [...rest.slice(0, to), id, ...rest.slice(to)]
}

/** The stored heads that a task with these classes can begin with. */
export function headsFor(stored: readonly AdapterSummary[], labels: readonly string[]): AdapterSummary[] {
  return stored.filter((one) => one.kind === 'head' && isSame(one.labels, labels))
}

/** The stored fusions that a fusion by this method over these adapters can begin with; a composition with none. */
export function fusionsOver(
  stored: readonly AdapterSummary[],
  method: string,
  adapterIds: readonly string[],
): AdapterSummary[] {
  return stored.filter(
    (one) =>
      one.kind === 'fusion' &&
      one.method.name === method &&
      method !== 'compose' &&
      isSame(one.adapterIds, adapterIds),
  )
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index])
}
