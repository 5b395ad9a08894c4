/** The form of a new experiment: texts for what is typed, and the steps from one configuration to the next. */
import type { ExperimentPlan, InputOf } from '../../preload/contract.ts'

export type ExperimentInput = InputOf<'experiments.plan'>
export type VariantInput = ExperimentInput['variants'][number]
type SweepInput = NonNullable<VariantInput['sweep']>

/** `16, 32, true, relu` as values: numbers and words apart. */
export function parseValues(text: string): (string | number | boolean)[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      if (part === 'true' || part === 'false') return part === 'true'
      return Number.isNaN(Number(part)) ? part : Number(part)
    })
}

/**
 * A sweep as it is typed: one setting a line, `training.learningRate = 0.0001, 0.001` or, for drawing,
 * `training.learningRate = 0.0001 .. 0.01 log`. A sentence where a line cannot be read.
 */
export function parseParameters(text: string): SweepInput['parameters'] | string {
  const parameters: SweepInput['parameters'] = []
  for (const line of text
    .split('\n')
    .map((entry) => entry.trim())
    .filter(Boolean)) {
    const [, path, rest] = /^([\w.]+)\s*=\s*(.+)$/.exec(line) ?? []
    if (path === undefined || rest === undefined) {
      return `“${line}” is no setting: write its path and values, as in training.learningRate = 0.0001, 0.001`
    }
    const [, low, high, scale] = /^(\S+)\s*\.\.\s*(\S+)(?:\s+(log|linear))?$/.exec(rest) ?? []
    if (low !== undefined && high !== undefined) {
      if (!(Number(low) < Number(high)))
        return `“${line}”: a range goes from a smaller number to a larger one`
      const integer = Number.isInteger(Number(low)) && Number.isInteger(Number(high))
      parameters.push({
        path,
        range: { low: Number(low), high: Number(high), scale: scale === 'log' ? 'log' : 'linear', integer },
      })
    } else parameters.push({ path, values: parseValues(rest) })
  }
  return parameters.length === 0
    ? 'name at least one setting, as in training.learningRate = 0.0001, 0.001'
    : parameters
}

/** The text that `parseParameters` reads. */
export function parametersText(parameters: SweepInput['parameters']): string {
  return parameters
    .map(({ path, values, range }) =>
      range === undefined
        ? `${path} = ${(values ?? []).join(', ')}`
        : `${path} = ${range.low} .. ${range.high}${range.scale === 'log' ? ' log' : ''}`,
    )
    .join('\n')
}

/** A variant of a method under a name that no other one has. */
export function newVariant(method: string, others: readonly VariantInput[]): VariantInput {
  const taken = new Set(others.map(({ name }) => name))
  let name = method
  for (let number = 2; taken.has(name); number += 1) name = `${method} ${number}`
  return { name, method: { name: method, options: {} } }
}

/** The variants without one, and without what builds on it. */
export function withoutVariant(variants: readonly VariantInput[], name: string): VariantInput[] {
  const gone = new Set([name])
  // What builds on a variant comes after it.
  for (const variant of variants)
    if (variant.uses !== undefined && gone.has(variant.uses.variant)) gone.add(variant.name)
  return variants.filter((variant) => !gone.has(variant.name))
}

/** The plan's runs by variant: how many, and how long they take. */
export function plannedByVariant(
  plan: Pick<ExperimentPlan, 'runs'>,
): { variant: string; runs: number; seconds: number | undefined }[] {
  return [...Map.groupBy(plan.runs, ({ variant }) => variant)].map(([variant, members]) => {
    const known = members.flatMap(({ estimatedSeconds }) => estimatedSeconds ?? [])
    return {
      variant,
      runs: members.length,
      seconds: known.length < members.length ? undefined : known.reduce((sum, value) => sum + value, 0),
    }
  })
}
