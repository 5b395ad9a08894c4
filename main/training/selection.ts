import { WorkbenchError, type RunAnalysis } from '../../preload/contract.ts'
import type { Variant } from '../adapters/method.ts'
import type { BackboneConfig } from '../models/config.ts'
import { partOf } from './layout.ts'
import type { TunedModel } from './tuned-model.ts'

/** Which adapters are at work in a model that has one for each task, or that fuses several. */
export type Selection =
  | { kind: 'all' }
  /** Only that of the task whose head answers. */
  | { kind: 'own' }
  /** By the index of the task, or of the fused adapter. */
  | { kind: 'named'; adapters: readonly number[] }
  /** Those with the largest gate, or that the fusion listens to most, chosen layer by layer. */
  | { kind: 'top'; count: number }
  /** Every task alone with its head; the most confident head answers. */
  | { kind: 'confident' }

/** One and the same part of the model for every text. */
export type SteadySelection = Exclude<Selection, { kind: 'confident' }>

export type FusionAnalysis = NonNullable<RunAnalysis['fusion']>

/** What a fusion listens to. */
export type ListenedTo = Omit<FusionAnalysis, 'pruned'>

/** What of a model a selection chooses from. */
export type Selectable = { kind: 'tasks'; names: readonly string[] } | { kind: 'fused'; fusion: ListenedTo }

/**
 * Reads a selection as `runs.predict` takes it.
 *
 * @param of undefined for a model that has nothing to select from
 * @throws WorkbenchError `bad-input` where it is none, or none of this model
 */
export function parseSelection(text: string, of: Selectable | undefined): Selection {
  const trimmed = text.trim()
  if (trimmed === 'all') return { kind: 'all' }
  if (!of) {
    throw new WorkbenchError(
      'bad-input',
      `"${text}" selects among adapters, but this run has neither several tasks' adapters nor a fusion that is all of it; leave the selection at "all"`,
    )
  }
  const names = of.kind === 'tasks' ? of.names : of.fusion.adapters
  return readSelection(trimmed, names, of.kind === 'tasks' ? 'task' : 'fused')
}

function readSelection(text: string, names: readonly string[], what: 'task' | 'fused'): Selection {
  const exact = names.indexOf(text)
  if (exact >= 0) return { kind: 'named', adapters: [exact] }
  if (what === 'task' && (text === 'own' || text === 'confident')) return { kind: text }
  const top = /^top(\d+)$/.exec(text)
  if (top) {
    const count = Number(top[1])
    if (count >= 1 && count <= names.length) return { kind: 'top', count }
    throw new WorkbenchError('bad-input', `"${text}" asks for ${count} of ${names.length} ${what} adapters`)
  }
  const words = text.split(',').map((word) => word.trim())
  const adapters = words.map((word) => names.indexOf(word))
  const unknown = words[adapters.indexOf(-1)]
  if (unknown !== undefined) {
    const [missing, further] =
      what === 'task' ? ['task', '"all", "own", "confident"'] : ['fused adapter', '"all"']
    throw new WorkbenchError(
      'bad-input',
      `there is no ${missing} "${unknown}" in this run; select ${further}, "top1" to "top${names.length}", or from ${names.join(', ')}`,
    )
  }
  return { kind: 'named', adapters: [...new Set(adapters)].sort((a, b) => a - b) }
}

/**
 * The selections that a run of several tasks is evaluated with, those of `confident` heads left out: all adapters, each
 * task's own, the k with the largest gates, and sets of several adapters, of which there are too many beyond four
 * tasks; then one task is left out at a time.
 *
 * @param names the tasks', in order
 * @returns each under its text in `runs.predict`
 */
export function selectionsToEvaluate(
  names: readonly string[],
): { text: string; selection: SteadySelection }[] {
  const all = names.map((_, task) => task)
  const several =
    names.length > 4
      ? all.map((left) => all.filter((task) => task !== left))
      : subsets(all).filter(({ length }) => length > 1 && length < names.length)
  return [
    { text: 'all', selection: { kind: 'all' } },
    { text: 'own', selection: { kind: 'own' } },
    ...names.slice(1).map((_, index) => ({
      text: `top${index + 1}`,
      selection: { kind: 'top', count: index + 1 } as const,
    })),
    ...several.map((adapters) => ({
      text: adapters.map((adapter) => names[adapter]).join(','),
      selection: { kind: 'named', adapters } as const,
    })),
  ]
}

/** All of them, small ones first. */
function subsets(of: readonly number[]): number[][] {
  return of
    .reduce<number[][]>((sets, one) => [...sets, ...sets.map((set) => [...set, one])], [[]])
    .sort((a, b) => a.length - b.length)
}

/**
 * The part of the model that a selection leaves at work for one task.
 *
 * @param parameters the trained vector, which holds the gates
 * @param fusion what the run's fusion listens to, for one that fuses
 */
export function selectedVariant(
  selection: SteadySelection,
  task: number,
  { method, config, layout }: TunedModel,
  parameters: Float32Array,
  fusion?: ListenedTo,
): Variant {
  const everywhere = (adapters: readonly number[]): Variant => ({
    active: Array.from({ length: config.layers }, () => [...adapters]),
  })
  switch (selection.kind) {
    case 'all':
      return {}
    case 'own':
      return everywhere([task])
    case 'named':
      return everywhere(selection.adapters)
    case 'top': {
      if (fusion) return strongestAdapters(fusion, selection.count, config)
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

/**
 * The adapters that each layer of a fusion listens to most, at all its places together: over the training rows, or over
 * the validation rows where no others are known.
 */
export function strongestAdapters(
  { adapters, weights, trainingWeights = weights }: ListenedTo,
  kept: number,
  { layers }: BackboneConfig,
): Variant {
  return {
    active: Array.from({ length: layers }, (_, layer) => {
      const here = trainingWeights.filter((place) => place.layer === layer)
      const total = adapters.map((_name, adapter) =>
        here.reduce((sum, place) => sum + (place.weights[adapter] ?? 0), 0),
      )
      return largest(total, kept)
    }),
  }
}

/** Positions of the largest values, in ascending order; of equal ones the first. */
function largest(values: readonly number[], count: number): number[] {
  return values
    .map((value, index) => ({ value, index }))
    .sort((a, b) => b.value - a.value || a.index - b.index)
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b)
}
