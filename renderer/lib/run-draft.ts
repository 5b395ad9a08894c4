/** What the New run form holds, and the runs it comes to: every variant with every seed. */
import {
  ProgramSettings,
  type EngineChoice,
  type HeadChoice,
  type InputOf,
  type MethodDescription,
  type ParameterGroup,
  type RunConfig,
  type TaskSampling,
  type TrainingConfig,
} from '../../preload/contract.ts'

export interface VariantDraft {
  /** Tells variants of the same method apart. */
  key: string
  method: string
  /** Only what differs from the method's preset. */
  options: Record<string, unknown>
  /** Undefined: the method's own. */
  learningRate: number | undefined
  /** Rates of single parameter groups, where they differ from it. */
  groupLearningRates?: Partial<Record<ParameterGroup, number>>
  /** Stored adapters that the method builds on, in order. */
  adapterIds?: string[]
  /** Stored heads that its heads begin with, by the dataset whose head it is. */
  heads?: Record<string, string>
  /** A stored fusion that its fusion begins with. */
  fusionId?: string | undefined
  /** Datasets that are trained together with the form's own, each a task. */
  moreDatasetIds?: string[]
  taskSampling?: TaskSampling
}

export interface RunDraft {
  name: string
  modelId: string
  datasetId: string
  /** A finished run to go on from; empty: none. */
  earlierRunId: string
  variants: VariantDraft[]
  seeds: string
  head: Partial<HeadChoice>
  /** Only what differs from the defaults; the seed is not here. */
  training: Partial<Omit<TrainingConfig, 'seed' | 'learningRate' | 'groupLearningRates'>>
  /** Only what differs from the program's settings. */
  engine: Partial<EngineChoice>
}

export const emptyDraft: RunDraft = {
  name: '',
  modelId: '',
  datasetId: '',
  earlierRunId: '',
  variants: [],
  seeds: '1',
  head: {},
  training: {},
  engine: {},
}

/** `1, 2, 5-7` as numbers, each once; a sentence where it cannot be read. */
export function parseSeeds(text: string): number[] | string {
  const seeds: number[] = []
  for (const part of text.split(/[\s,;]+/).filter(Boolean)) {
    const match = /^(\d+)(?:\s*(?:-|–|\.\.)\s*(\d+))?$/.exec(part)
    if (match === null) return `"${part}" is not a seed: write whole numbers, as in 1, 2, 5-7`
    const from = Number(match[1])
    const to = match[2] === undefined ? from : Number(match[2])
    if (to < from) return `"${part}" runs backwards: write ${to}-${from}`
    if (to > 0xffffffff) return `"${part}" is too large: a seed is at most 4294967295`
    if (to - from >= 100) return `"${part}" is more than 100 seeds: queue fewer at once`
    for (let seed = from; seed <= to; seed += 1) if (!seeds.includes(seed)) seeds.push(seed)
  }
  return seeds.length === 0 ? 'write at least one seed, as in 1' : seeds
}

/**
 * The variant's name: its method and the options that differ from the preset, `seq_bn reductionFactor=64`. The
 * learning rate is told only where `among` has the same method at another.
 */
export function variantName(variant: VariantDraft, among: readonly VariantDraft[]): string {
  const options = Object.entries(variant.options).map(([name, value]) => `${name}=${String(value)}`)
  const isAlone = among.every(
    (other) => other.method !== variant.method || other.learningRate === variant.learningRate,
  )
  const rate = variant.learningRate === undefined || isAlone ? [] : [`lr=${variant.learningRate}`]
  const groups = Object.entries(variant.groupLearningRates ?? {}).map(([group, value]) => `${group}=${value}`)
  const over = variant.adapterIds?.length ?? 0
  return [variant.method, ...options, ...rate, ...groups, ...(over > 0 ? [`over ${over}`] : [])].join(' ')
}

/**
 * All runs of a draft, as `runs.start` takes them: variants in order, and each one's seeds.
 *
 * @param program what holds where the draft says nothing; default: the contract's own defaults
 */
export function draftConfigs(
  draft: RunDraft,
  seeds: readonly number[],
  datasetName: string,
  program: ProgramSettings = ProgramSettings.parse({}),
): InputOf<'runs.start'>[] {
  return draft.variants.flatMap((variant) => {
    const { moreDatasetIds = [], adapterIds = [], taskSampling, groupLearningRates, fusionId } = variant
    const headIds = draftHeads(draft, variant)
    const together =
      moreDatasetIds.length === 0 ? datasetName : `${datasetName} + ${moreDatasetIds.length} more`
    const base = draft.name.trim() === '' ? together : draft.name.trim()
    return seeds.map((seed) => ({
      name: `${base} · ${variantName(variant, draft.variants)} · seed ${seed}`.slice(0, 200),
      modelId: draft.modelId,
      datasetId: draft.datasetId,
      ...(moreDatasetIds.length === 0 ? {} : { moreDatasetIds }),
      ...(taskSampling === undefined ? {} : { taskSampling }),
      ...(adapterIds.length === 0 ? {} : { adapterIds }),
      ...(headIds.length === 0 ? {} : { headIds }),
      ...(fusionId === undefined ? {} : { fusionId }),
      ...(draft.earlierRunId === '' ? {} : { earlierRunId: draft.earlierRunId }),
      method: { name: variant.method, options: variant.options },
      head: draft.head,
      training: {
        backbonePrecision: program.backbonePrecision,
        ...draft.training,
        ...(variant.learningRate === undefined ? {} : { learningRate: variant.learningRate }),
        ...(groupLearningRates === undefined ? {} : { groupLearningRates }),
        seed,
      },
      engine: { ...program.engine, ...draft.engine },
    }))
  })
}

/** The heads that a variant's begin with, in the order of its datasets; those of datasets without one are left out. */
export function draftHeads({ datasetId }: Pick<RunDraft, 'datasetId'>, variant: VariantDraft): string[] {
  const { heads = {}, moreDatasetIds = [] } = variant
  return [datasetId, ...moreDatasetIds].flatMap((id) => heads[id] ?? [])
}

/** The form as it was for a run that is to be cloned; values equal to the defaults are left out. */
export function draftFromConfig(
  config: RunConfig,
  defaults: {
    head: HeadChoice
    training: TrainingConfig
    engine: EngineChoice
    learningRate: number | undefined
  },
): RunDraft {
  const { seed, learningRate, groupLearningRates, ...training } = config.training
  const { adapterIds, headIds = [], fusionId, moreDatasetIds, taskSampling } = config
  const tasks = [config.datasetId, ...moreDatasetIds]
  const heads = Object.fromEntries(headIds.map((id, task) => [tasks[task] ?? '', id]))
  const variant: VariantDraft = {
    key: config.method.name,
    method: config.method.name,
    options: config.method.options,
    // A run keeps the rate it used, also where that was the method's own.
    learningRate: learningRate === defaults.learningRate ? undefined : learningRate,
    ...(Object.keys(groupLearningRates).length === 0 ? {} : { groupLearningRates }),
    ...(adapterIds.length === 0 ? {} : { adapterIds }),
    ...(headIds.length === 0 ? {} : { heads }),
    ...(fusionId === undefined ? {} : { fusionId }),
    ...(moreDatasetIds.length === 0 ? {} : { moreDatasetIds, taskSampling }),
  }
  return {
    name: '',
    modelId: config.modelId,
    datasetId: config.datasetId,
    earlierRunId: config.earlierRunId ?? '',
    variants: [variant],
    seeds: String(seed),
    head: differing(config.head, defaults.head),
    training: differing(training, defaults.training),
    engine: differing(config.engine, defaults.engine),
  }
}

/** The entries of `values` that are not those of `defaults`. */
export function differing<T extends object>(values: T, defaults: NoInfer<Partial<T>>): Partial<T> {
  const known = new Map(Object.entries(defaults))
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => value !== undefined && !isSame(value, known.get(name))),
  ) as Partial<T>
}

/** `3, 2` as layers; a part that is no number stays one that the contract refuses. */
export function parseLayers(text: string): number[] {
  return text
    .split(/[\s,;]+/)
    .filter((part) => part !== '')
    .map(Number)
}

/** Lists and objects are the same where they hold the same. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}

/** Options with one changed; back at the preset's own value it is left out. */
export function withOption(
  options: Record<string, unknown>,
  method: MethodDescription | undefined,
  name: string,
  value: unknown,
): Record<string, unknown> {
  const preset = method?.fields.find((field) => field.name === name)?.default
  const rest = Object.fromEntries(Object.entries(options).filter(([key]) => key !== name))
  // A list of choices sends words: `true` the word is the preset's own `true`.
  return value === undefined || String(value) === String(preset) ? rest : { ...rest, [name]: value }
}

/** A draft as the address carries it, or nothing where it is the empty one. */
export function encodeDraft(draft: RunDraft): string | undefined {
  const differs = differing(draft, emptyDraft)
  const kept = Object.fromEntries(
    Object.entries(differs).filter(([, value]) => typeof value !== 'object' || Object.keys(value).length > 0),
  )
  return Object.keys(kept).length === 0 ? undefined : JSON.stringify(kept)
}

/** The draft in an address; anything unreadable is as if it were not there. */
export function decodeDraft(text: string | undefined): RunDraft {
  if (text === undefined) return emptyDraft
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null) return emptyDraft
    const draft = { ...emptyDraft, ...parsed }
    return Array.isArray(draft.variants) && typeof draft.seeds === 'string' ? draft : emptyDraft
  } catch {
    return emptyDraft
  }
}
