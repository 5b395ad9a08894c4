import { WorkbenchError } from '../../preload/contract.ts'
import type { Variant } from '../adapters/method.ts'
import { partOf } from './layout.ts'
import type { TunedModel } from './tuned-model.ts'

/** Which task adapters are at work in a model that has several. */
export type Selection =
  | { kind: 'all' }
  /** Only that of the task whose head answers. */
  | { kind: 'own' }
  | { kind: 'named'; tasks: readonly number[] }
  /** Those with the largest gate, chosen layer by layer. */
  | { kind: 'top'; count: number }
  /** Every task alone with its head; the most confident head answers. */
  | { kind: 'confident' }

/**
 * Reads a selection as `runs.predict` takes it.
 *
 * @param names the tasks' names, in order
 * @throws WorkbenchError `bad-input` where it is none, or where the model has nothing to select from
 */
export function parseSelection(text: string, names: readonly string[], model: TunedModel): Selection {
  const selection = readSelection(text.trim(), names)
  if (selection.kind !== 'all' && !model.method.gates) {
    throw new WorkbenchError(
      'bad-input',
      `"${text}" selects among task adapters, but this run's method has none; leave the selection at "all"`,
    )
  }
  return selection
}

function readSelection(text: string, names: readonly string[]): Selection {
  const exact = names.indexOf(text)
  if (exact >= 0) return { kind: 'named', tasks: [exact] }
  if (text === 'all' || text === 'own' || text === 'confident') return { kind: text }
  const top = /^top(\d+)$/.exec(text)
  if (top) {
    const count = Number(top[1])
    if (count >= 1 && count <= names.length) return { kind: 'top', count }
    throw new WorkbenchError('bad-input', `"${text}" asks for ${count} of ${names.length} task adapters`)
  }
  const words = text.split(',').map((word) => word.trim())
  const tasks = words.map((word) => names.indexOf(word))
  const unknown = words[tasks.indexOf(-1)]
  if (unknown !== undefined) {
    throw new WorkbenchError(
      'bad-input',
      `there is no task "${unknown}" in this run; select "all", "confident", "top1" to "top${names.length}", or from ${names.join(', ')}`,
    )
  }
  return { kind: 'named', tasks: [...new Set(tasks)].sort((a, b) => a - b) }
}

/**
 * The part of the model that a selection leaves at work for one task.
 *
 * @param parameters the trained vector, which holds the gates
 */
export function selectedVariant(
  selection: Exclude<Selection, { kind: 'confident' }>,
  task: number,
  { method, config, layout }: TunedModel,
  parameters: Float32Array,
): Variant {
  const everywhere = (tasks: readonly number[]): Variant => ({
    active: Array.from({ length: config.layers }, () => [...tasks]),
  })
  switch (selection.kind) {
    case 'all':
      return {}
    case 'own':
      return everywhere([task])
    case 'named':
      return everywhere(selection.tasks)
    case 'top': {
      const gates = method.gates?.((name) => {
        const entry = layout.entries.get(name)
        if (!entry) throw new Error(`the gate ${name} is not trained`)
        return partOf(parameters, entry)
      })
      if (!gates) throw new Error('the method has no task adapters to select from')
      return { active: gates.map((weights) => largest(weights, selection.count)) }
    }
  }
}

/** Positions of the largest values, in ascending order; of equal ones the first. */
export function largest(values: readonly number[], count: number): number[] {
  return values
    .map((value, index) => ({ value, index }))
    .sort((a, b) => b.value - a.value || a.index - b.index)
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b)
}
