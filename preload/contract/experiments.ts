import { z } from 'zod'

import { HeadChoice, MethodChoice, type MethodFamily } from './methods.ts'
import { EngineChoice } from './engine.ts'
import { ScoreName, TrainingConfig, type RunStatus } from './runs.ts'

/** Training settings that differ from the defaults; the rest stays open for what is laid over them. */
export const TrainingChanges = z
  .custom<z.input<typeof TrainingConfig>>((value) => typeof value === 'object' && value !== null)
  .superRefine((value, context) => {
    const result = TrainingConfig.safeParse(value)
    for (const { message, path } of result.error?.issues ?? []) {
      context.addIssue({ code: 'custom', message, path: path.filter((part) => typeof part !== 'symbol') })
    }
  })
export type TrainingChanges = z.infer<typeof TrainingChanges>

const SweepValue = z.union([z.string(), z.number(), z.boolean()])
export type SweepValue = z.infer<typeof SweepValue>

/** One setting that a sweep varies: over the values listed, or drawn from a range (not on a grid). */
export const SweepParameter = z
  .object({
    /** Place in a run's configuration: `training.learningRate`, `method.options.reduction_factor`, `head.dropout`. */
    path: z
      .string()
      .regex(
        /^(training|head|method\.options)\.\w+(\.\w+)?$/,
        'name a setting of training, head or method.options, as in training.learningRate',
      ),
    values: z.array(SweepValue).min(1).max(100).optional(),
    range: z
      .object({
        low: z.number(),
        high: z.number(),
        scale: z.enum(['linear', 'log']).default('linear'),
        integer: z.boolean().default(false),
      })
      .strict()
      .optional(),
  })
  .strict()
  .refine(({ values, range }) => (values === undefined) !== (range === undefined), {
    message: 'give either values or a range',
  })
export type SweepParameter = z.infer<typeof SweepParameter>

const sweepParameters = { parameters: z.array(SweepParameter).min(1).max(8) }
const drawn = {
  /** Settings drawn. */
  count: z.number().int().min(1).max(1000),
  /** Of the drawing. */
  seed: z.number().int().min(0).max(0xffffffff).default(1),
}

/**
 * `grid`: every combination of the values. `random`: so many drawn. `halving` (successive halving): so many drawn and
 * trained for few epochs; the best 1/`factor` of them, by mean validation score over the seeds, are trained anew for
 * `factor` times as many, and so on until the run's own number of epochs.
 */
export const Sweep = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('grid'), ...sweepParameters }).strict(),
  z.object({ kind: z.literal('random'), ...sweepParameters, ...drawn }).strict(),
  z
    .object({
      kind: z.literal('halving'),
      ...sweepParameters,
      ...drawn,
      factor: z.number().int().min(2).max(8).default(3),
      firstEpochs: z.number().int().min(1).max(1000).default(1),
    })
    .strict(),
])
export type Sweep = z.infer<typeof Sweep>

/** One way of tuning that an experiment compares. */
export const ExperimentVariant = z
  .object({
    /** As tables and charts name it; unique in the experiment. */
    name: z.string().min(1).max(120),
    method: MethodChoice,
    /** Settings of this variant that differ from the experiment's own. */
    training: TrainingChanges.prefault({}),
    head: HeadChoice.optional(),
    /**
     * Builds on the adapters that an earlier variant trains on the same model: with the same seed on every dataset of
     * the experiment (`datasets`), or on the same dataset with every seed (`seeds`).
     */
    uses: z
      .object({ variant: z.string().min(1), over: z.enum(['datasets', 'seeds']).default('datasets') })
      .strict()
      .optional(),
    /** Stored adapters that it builds on, before those of `uses`. */
    adapterIds: z.array(z.string().min(1)).max(16).default([]),
    /** Trains all datasets of the experiment in one run, instead of one run for each. */
    together: z.boolean().default(false),
    /** Varies settings of this variant. One that another variant uses cannot have a sweep. */
    sweep: Sweep.optional(),
  })
  .strict()
export type ExperimentVariant = z.infer<typeof ExperimentVariant>

/** A question: datasets × models × variants × seeds × sweeps. */
export const ExperimentConfig = z
  .object({
    name: z.string().min(1).max(200),
    /** What it is to answer, in the user's words. */
    question: z.string().max(2000).default(''),
    modelIds: z.array(z.string().min(1)).min(1, 'name at least one model').max(20),
    datasetIds: z.array(z.string().min(1)).min(1, 'name at least one dataset').max(50),
    variants: z.array(ExperimentVariant).min(1, 'name at least one variant').max(100),
    seeds: z.array(z.number().int().min(0).max(0xffffffff)).min(1).max(50).default([1, 2, 3]),
    /** Settings of all variants that differ from the default recipe. */
    training: TrainingChanges.prefault({}),
    head: HeadChoice.prefault({}),
    engine: EngineChoice.prefault({}),
    /** Score by which variants are judged. */
    metric: ScoreName.default('accuracy'),
    /** Of experiments that go on at the same time, the higher goes first. */
    priority: z.number().int().min(-100).max(100).default(0),
    tags: z.array(z.string().min(1).max(60)).max(20).default([]),
  })
  .strict()
export type ExperimentConfig = z.infer<typeof ExperimentConfig>

/** The default experiment “Adapter, Fusion, Drop, MAM and baselines”. */
export const DefaultExperiment = z
  .object({
    datasetIds: z.array(z.string().min(1)).min(1, 'name at least one dataset').max(50),
    /** Default: the encoder that ships with the program. */
    modelIds: z.array(z.string().min(1)).max(20).default([]),
    seeds: z.array(z.number().int().min(0)).min(1).max(50).default([1, 2, 3]),
    name: z.string().min(1).max(200).optional(),
    /** Settings laid over those of the default experiment. */
    training: TrainingChanges.prefault({}),
  })
  .strict()
export type DefaultExperiment = z.infer<typeof DefaultExperiment>

/** One run that an experiment will start. */
export interface PlannedRun {
  /** Unique in the experiment. */
  key: string
  variant: string
  method: string
  family: MethodFamily
  modelId: string
  modelName: string
  datasetId: string
  /** All of them, with ` + ` between, where several are trained together. */
  datasetName: string
  seed: number
  epochs: number
  /** What its sweep chose, by path. Of a later rung of successive halving it is not known yet. */
  settings: Record<string, SweepValue>
  /** Rung of successive halving, from 0. */
  rung?: number
  /** Keys of the runs that must have finished before. */
  dependsOn: string[]
  trainableParameters?: number
  estimatedSeconds?: number
}

export interface ExperimentPlan {
  /** Number of runs that it comes to. */
  total: number
  /** With one run after the other on this machine; undefined: nothing has been trained here yet to go by. */
  estimatedSeconds?: number
  /** How many finished runs of this machine the estimate goes by. */
  measuredRuns: number
  runs: PlannedRun[]
  /** What will not work as it stands, naming the setting; the experiment cannot be created until there is none. */
  problems: string[]
  /** What looks odd and still works. */
  warnings: string[]
}

/**
 * `ready` → `running` ⇄ `paused` → `finished`, or `failed` where some runs failed (retry them), or `cancelled`.
 */
export type ExperimentStatus = 'ready' | 'running' | 'paused' | 'finished' | 'failed' | 'cancelled'

/**
 * `waiting`: for its turn or for what it builds on; `blocked`: something that it builds on has failed;
 * `left-out`: successive halving went on without it, or the experiment was cancelled; else the status of its run.
 */
export type StepStatus = 'waiting' | 'blocked' | 'left-out' | RunStatus

export interface ExperimentStep extends PlannedRun {
  status: StepStatus
  runId?: string
  /** Best validation score of its run, in the experiment's metric. */
  score?: number
  error?: string
}

export interface ExperimentSummary {
  id: string
  name: string
  question: string
  status: ExperimentStatus
  priority: number
  /** Steps by what they are: `active` are queued, running or paused runs; `failed` counts blocked ones too. */
  counts: {
    total: number
    waiting: number
    active: number
    finished: number
    failed: number
    leftOut: number
  }
  /** Of all steps, counting what running ones have done; 0 to 1. */
  done: number
  secondsLeft?: number
  /** Runs that it started, in the order of its steps: what to compare. */
  runIds: string[]
  /** The variant with the highest mean test score (validation, where there is no test) so far, one per dataset. */
  best: { datasetName: string; modelName: string; variant: string; mean: number; runs: number }[]
  createdAt: string
  startedAt?: string
  endedAt?: string
}

export interface ExperimentDetail extends ExperimentSummary {
  config: ExperimentConfig
  steps: ExperimentStep[]
}
