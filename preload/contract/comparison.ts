import { z } from 'zod'

import type { SplitName } from './datasets.ts'
import type { MethodFamily } from './methods.ts'
import { ScoreName, type FusionWeights, type RunStatus } from './runs.ts'

/**
 * What is compared: runs, gathered into groups. Give `runIds` (gathered by `groupBy`), an experiment, or `groups`
 * outright; several add up.
 */
export const ComparisonInput = z
  .object({
    runIds: z.array(z.string().min(1)).max(2000).default([]),
    experimentId: z.string().min(1).optional(),
    groups: z
      .array(
        z
          .object({ name: z.string().min(1).max(200), runIds: z.array(z.string().min(1)).min(1).max(2000) })
          .strict(),
      )
      .max(200)
      .default([]),
    /** `variant`: runs that differ in name and seed only stand together; `run`: each by itself. */
    groupBy: z.enum(['variant', 'run']).default('variant'),
    metric: ScoreName.default('accuracy'),
    /** `auto`: test where every run has test rows, else validation. */
    split: z.enum(['auto', 'test', 'validation']).default('auto'),
  })
  .strict()
export type ComparisonInput = z.infer<typeof ComparisonInput>

/** Values of runs with what can be said of their mean. */
export interface Spread {
  values: number[]
  mean: number
  /** Sample standard deviation; 0 of one value. */
  deviation: number
}

/** A box plot's figures over seeds. */
export interface Box {
  minimum: number
  lowerQuartile: number
  median: number
  upperQuartile: number
  maximum: number
}

export interface ScoreInterval extends Spread {
  /** 95 % interval of the mean. */
  low: number
  high: number
  /**
   * Where the interval comes from: Student's t over `seeds`, the `bootstrap` over the rows of the one run, or `none`:
   * one run whose single answers are not kept, so the interval is the value.
   */
  basis: 'seeds' | 'bootstrap' | 'none'
  box: Box
}

export interface ComparedRun {
  id: string
  name: string
  seed: number
  status: RunStatus
  score?: number
}

export interface DropCurvePoint {
  droppedLayers: number
  score: Spread
  msPerExample: Spread
}

export interface ClassScore {
  label: string
  /** Rows of this class. */
  rows: number
  precision: number
  recall: number
  f1: number
}

/** Tasks trained one after the other, over seeds; scores in the metric compared (`TaskSequence`). */
export interface ComparedSequence {
  /** What each stage trained. */
  stages: string[]
  tasks: { name: string; stage: number; split: SplitName }[]
  scores: { stage: number; task: number; score: Spread }[]
  averageScore?: Spread
  forgetting?: Spread
  backwardTransfer?: Spread
}

/** What each part of a united method adds, over seeds, on the validation rows (`PartContributions`). */
export interface ComparedContributions {
  parts: string[]
  /** Relative change of each layer's output by each part, `[layers][parts]`. */
  changes: Spread[][]
  /** Scores with some parts switched off (none of them first), and by how much less that is than with all, run by run. */
  ablations: { without: string[]; score: Spread; fall: Spread }[]
}

/** One variant on one dataset and model, over its seeds. */
export interface ComparedGroup {
  /** Stable between calls for the same runs: for links, colours and hiding. */
  id: string
  /** The variant's name: an experiment's own, else the method with the settings that tell it from the others. */
  name: string
  method: string
  family: MethodFamily
  modelId: string
  modelName: string
  datasetId: string
  datasetName: string
  runs: ComparedRun[]
  /** Undefined where no run of it has ended with a score. */
  score?: ScoreInterval
  trainableParameters?: number
  backboneParameters?: number
  /** Seconds of training, evaluation included. */
  seconds?: Spread
  examplesPerSecond?: Spread
  peakRssBytes?: Spread
  /** Milliseconds for one example by itself. */
  latency?: { p50: number; p95: number }
  /** Rise of the backbone's own masked-token loss through training, nats; 0: nothing forgotten. */
  forgetting?: Spread
  /**
   * The tasks of the runs that it goes on from, and its own. Left out of runs that another one of the comparison goes
   * on from: its sequence has theirs in it.
   */
  sequence?: ComparedSequence
  /** Settings in which the compared groups differ, by path, as this group has them. */
  settings: Record<string, unknown>
  /** Quality and time at every number of layers dropped. */
  dropCurve?: DropCurvePoint[]
  fusion?: {
    adapters: string[]
    /** Means over the runs. */
    weights: FusionWeights[]
    pruned: { kept: number; score: Spread; msPerExample?: Spread }[]
  }
  /** What each part of a method that unites several adds; means over the runs. */
  contributions?: ComparedContributions
  /** Summed over the runs. */
  confusion?: { labels: string[]; counts: number[][] }
  classScores?: ClassScore[]
  /** Confidence against being right, all runs together; where single answers are kept. */
  calibration?: {
    bins: { from: number; to: number; count: number; confidence: number; accuracy: number }[]
    /** Expected calibration error. */
    error: number
  }
}

/** Whether two groups' scores on the same rows differ by more than chance. */
export interface ComparedPair {
  /** Ids of groups. */
  first: string
  second: string
  /** Score of the first less the second's, and its 95 % interval by the paired bootstrap over rows. */
  difference: number
  low: number
  high: number
  /** `mcnemar`: exact, of one run each; `bootstrap`: paired, over rows, of the mean over seeds. */
  test: 'mcnemar' | 'bootstrap'
  p: number
  /** After Holm's correction for the number of pairs on the same dataset. */
  adjustedP: number
  /** `adjustedP` < 0.05 */
  significant: boolean
  /** Rows that both answered. */
  rows: number
}

/** What the figures say of one dataset. */
export interface Answer {
  datasetId: string
  datasetName: string
  /** Id of the group with the highest mean score. */
  best: string
  /** The group with the fewest trainable parameters that is not significantly below the best, if that is another. */
  cheaper?: {
    group: string
    /** Trainable parameters of the best for each of this one's. */
    parameterRatio: number
    /** Undefined where the two could not be tested: their intervals overlap. */
    adjustedP?: number
  }
  /** Groups that are significantly below the best, and those that are not. */
  below: string[]
  within: string[]
  /** In words, one to three sentences. */
  text: string
}

export interface Comparison {
  metric: ScoreName
  split: SplitName
  groups: ComparedGroup[]
  /**
   * Pairs of groups on the same dataset that can be tested, and why others cannot. Of more than 40 groups on a dataset
   * only the best is tested against each of the others.
   */
  pairs: ComparedPair[]
  untested: { first: string; second: string; reason: string }[]
  /** Ids of the groups that no other of the same dataset beats in both, by ascending cost. */
  pareto: { datasetId: string; parameters: string[]; seconds: string[] }[]
  /** The answer, generated from the figures; one for each dataset with scores. */
  answers: Answer[]
  /** Ids that were asked for and are not there any more. */
  missing: string[]
}

/** Learning curves, thinned to what a screen shows. */
export const CurvesInput = z
  .object({
    runIds: z.array(z.string().min(1)).min(1).max(500),
    /** Metric names, as `train.loss`. */
    names: z.array(z.string().min(1)).min(1).max(20),
    x: z.enum(['step', 'epoch', 'seconds', 'examples']).default('step'),
    /** Only what lies between, in units of `x`: the zoomed range, read again from the store. */
    from: z.number().optional(),
    to: z.number().optional(),
    /** Points per curve at most, chosen so that its look stays (largest triangles). */
    points: z.number().int().min(10).max(20_000).default(1000),
    /** Weight of what came before in the moving average, without the pull to 0 at its start; 0: none. */
    smoothing: z.number().min(0).max(0.999).default(0),
    /** Adds the mean over these runs with a band of one standard deviation: groups of ids. */
    bands: z
      .array(z.array(z.string().min(1)).min(2).max(200))
      .max(100)
      .default([]),
  })
  .strict()
export type CurvesInput = z.infer<typeof CurvesInput>

export interface Curve {
  runId: string
  name: string
  x: number[]
  y: number[]
  /** Of the same points, where smoothing was asked for; computed before thinning. */
  smoothed?: number[]
  /** Points stored in the range, before thinning. */
  total: number
}

export interface CurveBand {
  /** Index in `bands`. */
  band: number
  name: string
  x: number[]
  mean: number[]
  deviation: number[]
}

export interface Curves {
  curves: Curve[]
  bands: CurveBand[]
}

/** Rows on which the compared groups disagree, or that a chosen one gets wrong. */
export const DisagreementsInput = z
  .object({
    /** One run stands for each group. */
    runIds: z.array(z.string().min(1)).min(1).max(20),
    split: z.enum(['test', 'validation']).default('test'),
    /** `disagree`: not all say the same; `some-wrong`, `all-wrong`; `all`. */
    show: z.enum(['disagree', 'some-wrong', 'all-wrong', 'all']).default('disagree'),
    label: z.string().optional(),
    search: z.string().max(200).optional(),
    offset: z.number().int().min(0).default(0),
    limit: z.number().int().min(1).max(500).default(100),
  })
  .strict()
export type DisagreementsInput = z.infer<typeof DisagreementsInput>

export interface DisagreementRow {
  /** Position in the dataset. */
  index: number
  text: string
  secondText?: string
  label: string
  /** In the order of the runs asked for. */
  answers: { label: string; confidence: number; right: boolean }[]
}

export interface Disagreements {
  total: number
  rows: DisagreementRow[]
  /** Of all rows that every run answered: those that all got right, all got wrong, and on which they disagree. */
  counts: { rows: number; allRight: number; allWrong: number; disagree: number }
}

/** How much each setting of a sweep mattered. */
export interface SweepAnalysis {
  metric: ScoreName
  settings: {
    path: string
    /** Values in the order of their axis. */
    values: (string | number | boolean)[]
    numeric: boolean
    /** Share of the score's variance that a forest of regression trees ascribes to it; the shares add up to 1. */
    importance: number
    /** Spearman's rank correlation with the score; undefined where the values have no order. */
    correlation?: number
  }[]
  /** For parallel coordinates: one line per group. */
  lines: {
    groupId: string
    name: string
    values: Record<string, string | number | boolean>
    score: number
    runs: number
  }[]
}

export const ReportInput = ComparisonInput.extend({
  format: z.enum(['html', 'markdown', 'csv']).default('html'),
  title: z.string().max(200).optional(),
  question: z.string().max(2000).optional(),
  /** Of the charts in the HTML file. */
  theme: z.enum(['light', 'dark']).default('light'),
}).strict()
export type ReportInput = z.infer<typeof ReportInput>

/** A finished report; the caller saves it. */
export interface Report {
  fileName: string
  mediaType: string
  content: string
}
