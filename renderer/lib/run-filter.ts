/** The runs' filter box: free words and `field:value`, `field>number`, all of which must hold. */
import type { RunSummary } from '../../preload/contract.ts'
import { statusWords } from './run-status.ts'

type Test = (run: RunSummary) => boolean

const texts: Record<string, (run: RunSummary) => string[]> = {
  method: (run) => [run.method],
  family: (run) => [run.family],
  dataset: (run) => [run.datasetName, run.datasetId],
  model: (run) => [run.modelName, run.modelId],
  status: (run) => [run.status, statusWords[run.status]],
  name: (run) => [run.name],
  id: (run) => [run.id],
  tag: (run) => run.tags ?? [],
  notes: (run) => [run.notes ?? ''],
  experiment: (run) => [run.experiment?.name ?? '', run.experiment?.id ?? ''],
  variant: (run) => [run.experiment?.variant ?? ''],
}

const numbers: Record<string, (run: RunSummary) => number | undefined> = {
  acc: (run) => run.test?.accuracy ?? (run.best?.metric === 'accuracy' ? run.best.value : undefined),
  val: (run) => run.best?.value,
  f1: (run) => run.test?.macroF1,
  mcc: (run) => run.test?.matthews,
  loss: (run) => run.test?.loss,
  params: (run) => run.trainableParameters,
  speed: (run) => run.examplesPerSecond,
  seconds: (run) => run.seconds,
  seed: (run) => run.seed,
}

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '=': (a, b) => a === b,
  ':': (a, b) => a === b,
}

/** The names that can stand before `:` or a comparison, for the box's help. */
export const filterFields = [...Object.keys(texts), ...Object.keys(numbers)]

export interface RunFilter {
  matches: Test
  /** A term that could not be read, in words; the others still filter. */
  problem: string | undefined
}

/** Reads a filter. `"two words"` keep together; a word with a colon that is no field is looked for as it stands. */
export function parseRunFilter(filter: string): RunFilter {
  const tests: Test[] = []
  let problem: string | undefined
  for (const term of filter.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []) {
    const parsed = parseTerm(term.replaceAll('"', ''))
    if (typeof parsed === 'string') problem ??= parsed
    else tests.push(parsed)
  }
  return { matches: (run) => tests.every((test) => test(run)), problem }
}

function parseTerm(term: string): Test | string {
  const match = /^(-?)([a-zA-Z][a-zA-Z0-9]*)(>=|<=|[:<>=])(.*)$/.exec(term)
  const [, minus, name, operator, wanted] = match ?? []
  if (name === undefined || operator === undefined || wanted === undefined) return words(term)
  const field = name.toLowerCase()
  const negate = (test: Test): Test => (minus === '-' ? (run) => !test(run) : test)
  const number = numbers[field]
  if (number !== undefined) {
    // `acc>89.4%` reads as people write scores.
    const value = wanted.endsWith('%') ? Number(wanted.slice(0, -1)) / 100 : Number(wanted)
    const compare = comparisons[operator]
    if (wanted === '' || Number.isNaN(value) || compare === undefined)
      return `${field} needs a number, as in ${field}>0.85`
    return negate((run) => {
      const actual = number(run)
      return actual !== undefined && compare(actual, value)
    })
  }
  const text = texts[field]
  if (text === undefined) {
    return operator === ':' ? `no field "${name}"; there are ${filterFields.join(', ')}` : words(term)
  }
  const options = wanted.toLowerCase().split(',').filter(Boolean)
  return negate(
    (run) =>
      options.length === 0 ||
      text(run).some((value) => options.some((option) => value.toLowerCase().includes(option))),
  )
}

function words(term: string): Test {
  const negative = term.startsWith('-') && term.length > 1
  const wanted = (negative ? term.slice(1) : term).toLowerCase()
  return (run) => {
    const own = [run.name, run.method, run.datasetName, run.modelName, statusWords[run.status]]
    const found = [...own, ...(run.tags ?? [])].some((text) => text.toLowerCase().includes(wanted))
    return found !== negative
  }
}
