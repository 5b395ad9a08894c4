/** What the builder edits: a run's configuration, of which only what differs from the defaults is written down. */
import { EngineChoice, HeadChoice, RunConfig, TrainingConfig, type InputOf } from '../../preload/contract.ts'
import { differing, draftFromConfig, emptyDraft, encodeDraft } from './run-draft.ts'

export type BuilderConfig = InputOf<'runs.start'>

const defaults = {
  head: HeadChoice.parse({}),
  training: TrainingConfig.parse({}),
  engine: EngineChoice.parse({}),
}

/** As JSON without what is at its default: the shortest text that says the same. */
export function configText(config: BuilderConfig): string {
  const { head = {}, training = {}, adapterIds = [], method, ...rest } = config
  const shortHead = differing(head, defaults.head)
  const shortTraining = differing(training, defaults.training)
  return JSON.stringify(
    {
      ...rest,
      method: Object.keys(method.options ?? {}).length === 0 ? { name: method.name } : method,
      ...(adapterIds.length === 0 ? {} : { adapterIds }),
      ...(Object.keys(shortHead).length === 0 ? {} : { head: shortHead }),
      ...(Object.keys(shortTraining).length === 0 ? {} : { training: shortTraining }),
    },
    undefined,
    2,
  )
}

/** Reads a configuration from JSON; a sentence where it is none. */
export function parseConfig(text: string): BuilderConfig | string {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (thrown) {
    return `This is no JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
  const checked = RunConfig.safeParse(parsed)
  if (checked.success) return parsed as BuilderConfig
  const [issue] = checked.error.issues
  const path = issue?.path.join('.') ?? ''
  return `${path === '' ? 'The configuration' : path}: ${issue?.message ?? 'cannot be used'}`
}

/** The query of the New run form that starts from a configuration. */
export function newRunQuery(
  config: BuilderConfig,
  learningRate: number | undefined,
): Record<string, string | undefined> {
  const { modelId, datasetId, ...draft } = draftFromConfig(RunConfig.parse(config), {
    ...defaults,
    learningRate,
  })
  return { model: modelId, dataset: datasetId, draft: encodeDraft({ ...emptyDraft, ...draft }) }
}

/** Presets as they are stored: configurations by name. Anything unreadable is as if it were not there. */
export function readPresets(text: string | undefined): Record<string, BuilderConfig> {
  if (text === undefined) return {}
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null) return {}
    return Object.fromEntries(
      Object.entries(parsed).flatMap(([name, value]) => {
        const config = parseConfig(JSON.stringify(value))
        return typeof config === 'string' ? [] : [[name, config]]
      }),
    )
  } catch {
    return {}
  }
}

/** Bytes of memory that a training holds, roughly, by what takes them: float32 values throughout. */
export function memoryEstimate(
  count: { trainable: number; backbone: number; cost: { activationBytes: number } },
  batch: number,
): { backbone: number; trained: number; activations: number } {
  return {
    backbone: 4 * count.backbone,
    // The value, its gradient and the optimizer's two moments.
    trained: 16 * count.trainable,
    activations: count.cost.activationBytes * batch,
  }
}
