import { z } from 'zod'

import { EngineChoice } from './engine.ts'

/** Which runs to list. */
export const RunQuery = z
  .object({
    /** Archived runs are hidden unless asked for. */
    archived: z.enum(['hide', 'only', 'all']).optional(),
    experimentId: z.string().min(1).optional(),
  })
  .strict()
export type RunQuery = z.infer<typeof RunQuery>

const Tag = z.string().trim().min(1).max(60)

export const RunAnnotation = z
  .object({
    ids: z.array(z.string().min(1)).min(1).max(5000),
    addTags: z.array(Tag).max(20).default([]),
    removeTags: z.array(Tag).max(20).default([]),
    /** In place of what was there; an empty text removes it. */
    notes: z.string().max(20_000).optional(),
    /** Hides a run from lists, or brings it back. Nothing is deleted. */
    archived: z.boolean().optional(),
  })
  .strict()
export type RunAnnotation = z.infer<typeof RunAnnotation>

export interface Sparkline {
  runId: string
  steps: number[]
  values: number[]
}

/** A device as the queue counts runs on it; what is left to choose for itself counts as `cpu`. */
export const QueueDevice = EngineChoice.shape.device.unwrap().exclude(['auto'])
export type QueueDevice = z.infer<typeof QueueDevice>

export interface QueueState {
  devices: {
    device: QueueDevice
    /** Runs that may train at the same time. */
    concurrency: number
    running: string[]
  }[]
  /** Ids of the queued runs, the next first. */
  queued: string[]
}

/** A configuration's settings, side by side over runs. */
export interface ConfigDiff {
  runs: { id: string; name: string }[]
  settings: { path: string; values: unknown[]; differs: boolean }[]
}

/** What one metric of a run came to, without its curve. */
export interface MetricFigures {
  runId: string
  name: string
  points: number
  last: number
  minimum: number
  maximum: number
}

/** Old results from elsewhere, which become runs. */
export const RunImport = z
  .object({
    /** TensorBoard event files, folders that hold some, or CSV files. */
    paths: z.array(z.string().min(1)).min(1).max(100),
    format: z.enum(['auto', 'tensorboard', 'csv']).default('auto'),
    /** What the files cannot say. A name is given to a single run only, else it is a prefix. */
    name: z.string().min(1).max(200).optional(),
    method: z.string().min(1).max(120).default('imported'),
    family: z.enum(['adapter', 'fusion', 'drop', 'mam', 'baseline']).default('baseline'),
    modelName: z.string().min(1).max(200).default('unknown'),
    datasetName: z.string().min(1).max(200).default('unknown'),
    tags: z.array(z.string().min(1).max(60)).max(20).default([]),
    /** CSV: column of the step (default: sniffed), and of the run's name where a file holds several. */
    stepColumn: z.string().optional(),
    runColumn: z.string().optional(),
    /** Metric names of the file → ours, as `eval/accuracy` → `validation.accuracy`. */
    metricNames: z.record(z.string(), z.string().min(1)).default({}),
  })
  .strict()
export type RunImport = z.infer<typeof RunImport>

export interface ImportPreview {
  runs: {
    name: string
    source: string
    format: 'tensorboard' | 'csv'
    metrics: { name: string; becomes: string; points: number; last: number }[]
  }[]
  /** What could not be read, with file and line or byte. */
  warnings: string[]
}
