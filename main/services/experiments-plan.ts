import { setImmediate as nextTurn } from 'node:timers/promises'

import {
  RunConfig,
  TrainingConfig,
  toContractError,
  type DatasetSummary,
  type ExperimentConfig,
  type ExperimentPlan,
  type ExperimentVariant,
  type Handlers,
  type MethodDescription,
  type ModelSummary,
  type PlannedRun,
} from '../../preload/contract.ts'
import { refuseDevice } from '../engines/device-choice.ts'
import type { Database } from '../store/database.ts'
import { listDatasets } from '../store/datasets.ts'
import { listModels } from '../store/models.ts'
import { checkExperiment } from './experiments-check.ts'
import { createEstimator } from './experiments-estimate.ts'
import { rungsOf, sweepSettings, sweepSize, type Settings } from './experiments-sweep.ts'

export interface PlanOptions {
  database: Database
  methods: Pick<Handlers, 'methods.list' | 'methods.count'>
}

/** Runs that one plan may come to. */
const mostRuns = 5000
/** Different models and methods that are built to be counted; what is beyond is not counted. */
const mostCounted = 100

/** All runs of an experiment in the order in which they will start, as far as what they build on allows. */
export async function planExperiment(
  options: PlanOptions,
  config: ExperimentConfig,
): Promise<ExperimentPlan> {
  const { database, methods } = options
  const described = await methods['methods.list']({})
  const { problems, warnings } = checkExperiment(database, described, config)
  if (problems.length > 0) return { total: 0, measuredRuns: 0, runs: [], problems, warnings }
  const total = sizeOf(config)
  if (total > mostRuns) {
    problems.push(`This comes to ${total} runs; at most ${mostRuns} can be in one experiment.`)
    return { total, measuredRuns: 0, runs: [], problems, warnings }
  }
  const there: There = {
    datasets: new Map(listDatasets(database).map((dataset) => [dataset.id, dataset])),
    models: new Map(listModels(database).map((model) => [model.id, model])),
  }
  const runs = expand(there, described, config)
  const estimator = createEstimator(database)
  await count(methods, there, config, runs, problems, estimator)
  const known = runs.flatMap(({ estimatedSeconds }) => estimatedSeconds ?? [])
  const seconds = known.reduce((sum, value) => sum + value, 0)
  return {
    total: runs.length,
    // What could not be counted is taken to be like the others.
    ...(known.length > 0 ? { estimatedSeconds: (seconds / known.length) * runs.length } : {}),
    measuredRuns: estimator.measuredRuns,
    runs,
    problems,
    warnings,
  }
}

/** The datasets and models that there are, by their ids. */
interface There {
  datasets: ReadonlyMap<string, DatasetSummary>
  models: ReadonlyMap<string, ModelSummary>
}

/** Runs that an experiment comes to. */
function sizeOf(config: ExperimentConfig): number {
  const ofVariants = config.variants.reduce((sum, { together, sweep, training }) => {
    const { epochs } = TrainingConfig.parse({ ...config.training, ...training })
    return sum + (together ? 1 : config.datasetIds.length) * sweepSize(sweep, epochs)
  }, 0)
  return config.seeds.length * config.modelIds.length * ofVariants
}

/** The configuration of one run of an experiment, without the stored adapters that an earlier run will leave. */
export function stepConfig(
  config: ExperimentConfig,
  variant: ExperimentVariant,
  {
    modelId,
    datasetIds,
    seed,
    epochs,
    settings,
    name,
    adapterIds = variant.adapterIds,
  }: {
    modelId: string
    datasetIds: readonly string[]
    seed: number
    epochs?: number
    settings: Settings
    name?: string
    adapterIds?: string[]
  },
): RunConfig {
  const draft = structuredClone({
    training: { ...config.training, ...variant.training } as Record<string, unknown>,
    head: { ...(variant.head ?? config.head) } as Record<string, unknown>,
    method: { name: variant.method.name, options: { ...variant.method.options } },
  })
  for (const [path, value] of Object.entries(settings)) setAt(draft, path.split('.'), value)
  const [datasetId, ...moreDatasetIds] = datasetIds
  return RunConfig.parse({
    ...(name === undefined ? {} : { name }),
    modelId,
    datasetId,
    moreDatasetIds,
    method: draft.method,
    adapterIds,
    head: draft.head,
    training: { ...draft.training, seed, ...(epochs === undefined ? {} : { epochs }) },
    engine: config.engine,
  })
}

/** The datasets of a planned run. */
export function datasetsOf(config: ExperimentConfig, run: PlannedRun): string[] {
  const variant = config.variants.find(({ name }) => name === run.variant)
  return variant?.together ? config.datasetIds : [run.datasetId]
}

function setAt(
  target: Record<string, unknown>,
  [first = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) {
    target[first] = value
    return
  }
  const inner = (target[first] ?? {}) as Record<string, unknown>
  target[first] = inner
  setAt(inner, rest, value)
}

/** Seed by seed, so that every variant has a first result early; what builds on others after them. */
function expand(
  { datasets, models }: There,
  described: readonly MethodDescription[],
  config: ExperimentConfig,
): PlannedRun[] {
  const runs: PlannedRun[] = []
  const names = (ids: readonly string[]): string => ids.map((id) => datasets.get(id)?.name ?? id).join(' + ')
  const methodOf = (variant: ExperimentVariant): MethodDescription | undefined =>
    described.find(({ name }) => name === variant.method.name)
  const sources = new Map<string, PlannedRun[]>()
  for (const seed of config.seeds) {
    for (const modelId of config.modelIds) {
      for (const variant of config.variants) {
        const { epochs } = TrainingConfig.parse({ ...config.training, ...variant.training })
        const targets = variant.together ? [config.datasetIds] : config.datasetIds.map((id) => [id])
        for (const datasetIds of targets) {
          const [datasetId = ''] = datasetIds
          const base = {
            variant: variant.name,
            method: variant.method.name,
            family: methodOf(variant)?.family ?? ('baseline' as const),
            modelId,
            modelName: models.get(modelId)?.name ?? modelId,
            datasetId,
            datasetName: names(datasetIds),
            seed,
          }
          for (const run of expandSweep(variant, epochs, base)) {
            runs.push(run)
            const sameVariant = sources.get(variant.name)
            if (sameVariant === undefined) sources.set(variant.name, [run])
            else sameVariant.push(run)
          }
        }
      }
    }
  }
  for (const run of runs) {
    const { uses } = config.variants.find(({ name }) => name === run.variant) ?? {}
    if (uses === undefined) continue
    const built = (sources.get(uses.variant) ?? []).filter(
      (source) =>
        source.modelId === run.modelId &&
        (uses.over === 'datasets' ? source.seed === run.seed : source.datasetId === run.datasetId),
    )
    // Its own dataset's adapter first, the others in the order of the experiment.
    const isOwn = (source: PlannedRun): number => Number(source.datasetId !== run.datasetId)
    run.dependsOn = built.toSorted((a, b) => isOwn(a) - isOwn(b)).map(({ key }) => key)
  }
  return runs
}

type Base = Omit<PlannedRun, 'key' | 'epochs' | 'settings' | 'dependsOn'>

function expandSweep(variant: ExperimentVariant, epochs: number, base: Base): PlannedRun[] {
  const { sweep } = variant
  const key = (...more: (string | number)[]): string =>
    [variant.name, base.modelId, base.datasetId, `seed ${base.seed}`, ...more].join(' / ')
  if (sweep?.kind !== 'halving') {
    const all = sweepSettings(sweep)
    return all.map((settings, index) => ({
      ...base,
      key: all.length > 1 ? key(`setting ${index + 1}`) : key(),
      epochs: epochsOf(settings, epochs),
      settings,
      dependsOn: [],
    }))
  }
  const first = sweepSettings(sweep)
  const { factor, firstEpochs } = sweep
  return rungsOf({ count: first.length, factor, firstEpochs, epochs }).flatMap((rung, index) =>
    Array.from({ length: rung.count }, (_, slot) => ({
      ...base,
      key: key(`rung ${index + 1}`, `setting ${slot + 1}`),
      epochs: rung.epochs,
      settings: index === 0 ? (first[slot] ?? {}) : {},
      rung: index,
      dependsOn: [],
    })),
  )
}

function epochsOf(settings: Settings, usual: number): number {
  const chosen = settings['training.epochs']
  return typeof chosen === 'number' ? chosen : usual
}

/** Adds parameters and times, and what the methods themselves refuse. */
async function count(
  methods: PlanOptions['methods'],
  { datasets }: There,
  config: ExperimentConfig,
  runs: readonly PlannedRun[],
  problems: string[],
  estimator: ReturnType<typeof createEstimator>,
): Promise<void> {
  const counted = new Map<string, Awaited<ReturnType<Handlers['methods.count']>> | undefined>()
  for (const [index, run] of runs.entries()) {
    // Thousands of configurations take long enough for others to want a turn.
    if (index % 200 === 199) await nextTurn()
    const variant = config.variants.find(({ name }) => name === run.variant)
    if (variant === undefined) continue
    const datasetIds = datasetsOf(config, run)
    const { modelId, seed, epochs, settings } = run
    let own: RunConfig
    try {
      own = stepConfig(config, variant, { modelId, datasetIds, seed, epochs, settings })
    } catch (error) {
      addOnce(problems, `${variant.name}: ${toContractError(error).message}`)
      continue
    }
    const [labels = 2, ...moreLabels] = datasetIds.map((id) => datasets.get(id)?.labels.length ?? 2)
    const { unfreezeLayers, maximumLength, backbonePrecision } = own.training
    const input = {
      modelId,
      method: own.method,
      head: own.head,
      labels,
      moreLabels,
      unfreezeLayers,
      maximumLength,
      backbonePrecision,
    }
    const key = JSON.stringify([input, variant.adapterIds])
    // What builds on adapters that are still to be trained cannot be built yet.
    if (variant.uses === undefined && !counted.has(key) && counted.size < mostCounted) {
      try {
        refuseDevice(config.engine, backbonePrecision)
        counted.set(key, await methods['methods.count']({ ...input, adapterIds: variant.adapterIds }))
      } catch (error) {
        counted.set(key, undefined)
        addOnce(problems, `${variant.name}: ${toContractError(error).message}`)
      }
    }
    const found = counted.get(key)
    if (found !== undefined) run.trainableParameters = found.trainable
    const seconds = estimator.estimate({
      datasetIds,
      training: own.training,
      cost: found?.cost,
      method: own.method.name,
      modelId,
    })
    if (seconds !== undefined) run.estimatedSeconds = seconds
  }
}

function addOnce(list: string[], text: string): void {
  if (!list.includes(text)) list.push(text)
}
