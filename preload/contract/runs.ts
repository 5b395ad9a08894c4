import { z } from 'zod'

import type { SplitName } from './datasets.ts'
import { BackbonePrecision, EngineChoice, type RunEnvironment } from './engine.ts'
import { HeadChoice, MethodChoice, type MethodFamily } from './methods.ts'

/** Parameters that may have a learning rate of their own. */
export const ParameterGroup = z.enum(['adapter', 'fusion', 'head', 'backbone'])
export type ParameterGroup = z.infer<typeof ParameterGroup>

export const ScoreName = z.enum(['accuracy', 'macroF1', 'matthews'])
export type ScoreName = z.infer<typeof ScoreName>

/** Everything that the optimisation of one run depends on. The defaults are the reference recipe. */
export const TrainingConfig = z
  .object({
    epochs: z.number().int().min(1).max(1000).default(10),
    batchSize: z.number().int().min(1).max(4096).default(32),
    /**
     * Tokens of a step, padding included, in place of a number of rows: a batch then has as many rows as fit, many
     * short ones or few long ones, and takes about the same time and memory. At least the maximum length.
     */
    batchTokens: z.number().int().min(4).max(4_000_000).optional(),
    /** Rows per graph execution; gradients of a batch's micro-batches are added up. Default: the batch size. */
    microBatchSize: z.number().int().min(1).max(4096).optional(),
    /** Default: the method's own (1e-3 for adapters and heads, 2e-4 for full fine-tuning). */
    learningRate: z.number().positive().max(10).optional(),
    /** Learning rates of single parameter groups, where they differ from `learningRate`. */
    groupLearningRates: z.partialRecord(ParameterGroup, z.number().positive().max(10)).default({}),
    /** Backbone layers, from 0, that are trained as well as what the method trains. */
    unfreezeLayers: z.array(z.number().int().min(0)).default([]),
    /** Leaves biases and the weights of layer norms out of weight decay. */
    decayExempt: z.boolean().default(false),
    schedule: z.enum(['linear', 'constant', 'cosine']).default('linear'),
    /** Share of the steps during which the learning rate rises from 0. */
    warmup: z.number().min(0).max(1).default(0.06),
    weightDecay: z.number().min(0).max(1).default(0.01),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.999),
    epsilon: z.number().positive().default(1e-8),
    /** Largest norm of the gradient over all trained parameters; 0: no clipping. */
    clipNorm: z.number().min(0).default(1),
    /** Tokens a text is cut to, special tokens included. */
    maximumLength: z.number().int().min(4).max(4096).default(64),
    seed: z.number().int().min(0).max(0xffffffff).default(1),
    bestMetric: ScoreName.default('accuracy'),
    /** Stop after so many epochs without a better validation score; 0: never. */
    patience: z.number().int().min(0).default(0),
    /** Steps between checkpoints for resuming, besides the one at each epoch's end; 0: only those. */
    checkpointSteps: z.number().int().min(0).default(100),
    backbonePrecision: BackbonePrecision.default('float32'),
    /** The last layer computes only the position that the head reads. Off: all of them, to the same result. */
    cutLastLayer: z.boolean().default(true),
    /** Batches hold texts of like length. Off: whatever comes together, with more padding to compute. */
    sortByLength: z.boolean().default(true),
  })
  .strict()
export type TrainingConfig = z.infer<typeof TrainingConfig>

/** How training batches are divided among tasks: by their number of rows, its square root, or evenly. */
export const TaskSampling = z.enum(['size', 'squareRoot', 'even'])
export type TaskSampling = z.infer<typeof TaskSampling>

export const RunConfig = z
  .object({
    name: z.string().min(1).max(200).optional(),
    modelId: z.string().min(1),
    datasetId: z.string().min(1),
    /** Further datasets that are trained together with the first, each a task with a head of its own. */
    moreDatasetIds: z.array(z.string().min(1)).max(7).default([]),
    taskSampling: TaskSampling.default('squareRoot'),
    method: MethodChoice,
    /** Stored adapters that the method builds on, in order. */
    adapterIds: z.array(z.string().min(1)).max(16).default([]),
    /** Stored heads that the run's own begin with, one for each task in order; left out: they begin anew. */
    headIds: z.array(z.string().min(1)).max(8).optional(),
    /** A stored fusion of the same adapters in the same order, which the run's own begins with. */
    fusionId: z.string().min(1).optional(),
    /**
     * A finished run to go on from: what it trained of the backbone is where this run begins, and its tasks and those of
     * the runs that it went on from are measured again at the end. Adapters and heads begin anew, or with stored ones.
     */
    earlierRunId: z.string().min(1).optional(),
    head: HeadChoice.prefault({}),
    training: TrainingConfig.prefault({}),
    engine: EngineChoice.prefault({}),
  })
  .strict()
export type RunConfig = z.infer<typeof RunConfig>

/**
 * queued → running → finished | failed | stopped; running → paused → queued (resume).
 * `interrupted`: it was running when the trainer or the program went away; it can be resumed.
 */
export type RunStatus = 'queued' | 'running' | 'paused' | 'interrupted' | 'finished' | 'failed' | 'stopped'

export interface RunProgress {
  epoch: number
  epochs: number
  step: number
  steps: number
  /** Seconds of training so far, pauses not counted. */
  seconds: number
  secondsLeft: number | undefined
  phase: 'preparing' | 'training' | 'validating' | 'testing' | 'saving'
}

export type Scores = Record<ScoreName, number> & { loss: number }

export interface RunSummary {
  id: string
  name: string
  status: RunStatus
  method: string
  family: MethodFamily
  /** The same for runs that differ in name and seed only; for grouping, and nothing else. */
  variant?: string
  modelId: string
  modelName: string
  datasetId: string
  datasetName: string
  seed: number
  createdAt: string
  startedAt?: string
  endedAt?: string
  progress?: RunProgress
  trainableParameters?: number
  backboneParameters?: number
  best?: { epoch: number; metric: ScoreName; value: number }
  test?: Scores
  examplesPerSecond?: number
  stepMs?: number
  peakRssBytes?: number
  seconds?: number
  /** Why it failed, in words for the user. */
  error?: string
  /** It has a checkpoint to go on from, or was set aside (paused, interrupted) before it had one and begins again. */
  resumable: boolean
  tags?: string[]
  notes?: string
  archived?: boolean
  /** Its figures were read from files of another program. */
  imported?: boolean
  /** The experiment that started it, and as which variant. */
  experiment?: { id: string; name: string; variant: string }
}

export interface ConfusionMatrix {
  split: SplitName
  labels: string[]
  /** counts[actual][predicted] */
  counts: number[][]
}

/** What one of several tasks of a run came to. */
export interface TaskResult {
  datasetId: string
  name: string
  validation: Scores
  test?: Scores
  confusion: ConfusionMatrix[]
}

/** Quality and time with the adapters of the first `droppedLayers` layers left out, on the validation rows. */
export interface DropPoint {
  droppedLayers: number
  /** The mean over tasks, where there are several. */
  scores: Scores
  /** Median milliseconds per example; the mean over tasks, where there are several. */
  msPerExample: number
  /** Each task's own scores, where there are several. */
  tasks?: { task: string; scores: Scores }[]
}

/** Mean weight that a fusion gives each adapter at one place, over the validation rows. */
export interface FusionWeights {
  layer: number
  place: 'attention' | 'output'
  /** In the order of `adapters`; add up to 1. */
  weights: number[]
}

/** Validation scores of a fusion of which each layer keeps only the adapters with the largest mean weight. */
export interface PrunedFusion {
  /** Adapters kept in each layer: all of them first. */
  kept: number
  scores: Scores
  /** Median milliseconds per example. */
  msPerExample?: number
  /** Floating-point operations of one example of the maximum length forward. */
  forwardFlops?: number
}

/** Scores of a multi-task run with only some of its task adapters at work. */
export interface SelectionResult {
  /**
   * As `runs.predict` takes it: `all`, `own` (each row's own task's), `top<k>`, tasks' names with commas between, or
   * `confident` (the task whose head is most confident).
   */
  selection: string
  task: string
  scores: Scores
  /** For `confident`: share of the rows that were given to their own task. */
  routed?: number
}

/**
 * What each part of a method that unites several does, on the validation rows: the prefix and the adapter of
 * Mix-And-Match, the members of a union.
 */
export interface PartContributions {
  /** Names of the parts. */
  parts: string[]
  /**
   * By layer, for each part: the mean over tokens, padding left out, of ‖h − h₋ₚ‖ / ‖h‖, where h is the layer's output
   * and h₋ₚ the same layer's output from the same input with this part alone switched off. 0: it changes nothing there.
   */
  changes: number[][]
  /** Scores with some parts switched off in all layers: none, each one alone, all. */
  ablations: { without: string[]; scores: Scores }[]
}

/** What a graph holds and does, computed before it runs; one example of the maximum length. */
export interface GraphCost {
  /** Floating-point operations of one example forward, and of the backward pass and update on top. */
  forwardFlops: number
  backwardFlops: number
  /** Bytes of intermediate values that the backward pass needs. */
  activationBytes: number
}

/** How much of the backbone's own ability is left: the masked-language-model loss on held-out text. */
export interface Forgetting {
  /** Mean cross-entropy of masked tokens, in nats. */
  before: number
  after: number
  /** Masked tokens it was measured on. */
  tokens: number
}

/** Milliseconds that one example by itself takes, without tokenisation, over `examples` of them. */
export interface Latency {
  p50: number
  p95: number
  examples: number
}

/**
 * A task of a run that this one goes on from, on its own head and adapters: on the backbone where this run began, and
 * where it ended.
 */
export interface EarlierTask {
  runId: string
  /** The earlier run's name. */
  name: string
  task: string
  split: SplitName
  before: Scores
  after: Scores
}

/**
 * Figures of a sequence of tasks, with a(j, i) the score on task i after stage j, T the last stage, and t(i) the stage
 * that trained task i. Left out where a score that they need is not known, or where there is no earlier task.
 */
export interface SequenceFigures {
  /** Mean over all tasks of a(T, i). */
  averageScore?: number
  /** Mean over the tasks of earlier stages of max { a(l, i) : t(i) ≤ l < T } − a(T, i) (Chaudhry et al. 2018). */
  forgetting?: number
  /** Mean over the tasks of earlier stages of a(T, i) − a(t(i), i) (Lopez-Paz and Ranzato 2017). */
  backwardTransfer?: number
}

/** Tasks that were trained one after the other, each run going on from the one before it. */
export interface TaskSequence {
  /** The runs in the order of their training; the last is this one. */
  stages: { runId: string; name: string }[]
  /** In the order of their training. */
  tasks: {
    name: string
    /** Index of the stage that trained it. */
    stage: number
    /** The rows that it is measured on. */
    split: SplitName
  }[]
  /** Each task's scores after its own stage and every later one, as far as they are known. */
  scores: { stage: number; task: number; scores: Scores }[]
  /** After the last stage. */
  figures: Record<ScoreName, SequenceFigures>
}

/** What a run computed once for each text, since nothing that it trained comes before it. */
export interface CacheUse {
  /** Of the states kept. */
  bytes: number
  /** Share of a training step's operations that they save, of one example of the maximum length. */
  savedShare: number
}

/** What a run found out about its method, besides scores. */
export interface RunAnalysis {
  cache?: CacheUse
  cost?: GraphCost
  latency?: Latency
  forgetting?: Forgetting
  /** Of all runs that it goes on from, one after the other, in the order in which they were trained. */
  earlierTasks?: EarlierTask[]
  /** Quality and time at every number of layers dropped. */
  dropCurve?: DropPoint[]
  fusion?: {
    adapters: string[]
    weights: FusionWeights[]
    /** The same over the training rows, by which the strongest adapters are chosen. */
    trainingWeights?: FusionWeights[]
    pruned: PrunedFusion[]
  }
  selections?: SelectionResult[]
  contributions?: PartContributions
}

/** A task that the run trained: its own dataset first. */
export interface RunTask {
  datasetId: string
  name: string
  labels: string[]
}

export interface RunDetail extends RunSummary {
  config: RunConfig
  environment?: RunEnvironment
  datasetHash: string
  backboneHashBefore?: string
  backboneHashAfter?: string
  /** The backbone's tensors were the same after the run as before it; undefined while it runs. */
  backboneUnchanged?: boolean
  confusion: ConfusionMatrix[]
  /** Every task's results, the first one's included; empty until the run has ended. */
  tasks: TaskResult[]
  analysis: RunAnalysis
  /** Of a run that goes on from others: what became of their tasks. */
  sequence?: TaskSequence
  checkpoints: { kind: 'best' | 'latest'; epoch: number; step: number; bytes: number; path: string }[]
  folder: string
}

/** `step` counts optimizer steps from 1; epoch metrics carry the last step of their epoch. */
export interface MetricPoint {
  name: string
  step: number
  value: number
}

/**
 * Names: `train.loss`, `train.learningRate`, `train.gradientNorm`, `train.examplesPerSecond`, `system.rssBytes` per step,
 * and `train.lossScale` where gradients run through half precision (of a step that was left out there is no norm),
 * `train.rows` where a batch has a number of tokens instead of rows;
 * `validation.loss|accuracy|macroF1|matthews` per epoch; `test.*` once. Where several tasks are trained, these
 * are means over the tasks, and each task's own stand under `validation.<task>.…` and `test.<task>.…`, the loss of its
 * training batches under `train.<task>.loss`. What a method
 * adds to the loss stands under `train.loss.<name>`, and what the tasks' loss is without it under `train.taskLoss`;
 * other figures of a method under `train.<name>` and `validation.<name>`.
 */
export interface MetricSeries {
  name: string
  steps: number[]
  values: number[]
}

export interface LogLine {
  sequence: number
  time: string
  level: 'info' | 'warning' | 'error'
  text: string
}

export interface Prediction {
  /** The task that answered. */
  task: string
  label: string
  scores: { label: string; score: number }[]
  /** What a fusion listened to in this text, in the order of the run's adapters. */
  fusion?: FusionWeights[]
}
