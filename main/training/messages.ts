import type {
  ConfusionMatrix,
  ContractError,
  LogLine,
  MetricPoint,
  RunConfig,
  RunEnvironment,
  RunProgress,
  Scores,
  ScoreName,
} from '../../preload/contract.ts'

/** All that a trainer process needs to train one run; it reads nothing from the store. */
export interface TrainJob {
  runId: string
  config: RunConfig
  /** Folder of the backbone's checkpoint. */
  modelFolder: string
  /** File of the dataset's rows (data/dataset-file.ts). */
  datasetFile: string
  /** Class names in the order of their index. */
  labels: string[]
  /** Where this run's checkpoints go; exists. */
  runFolder: string
  /** Where files that can be made again go (backbone weights as external data); shared by all runs. */
  cacheFolder: string
  /** Go on from `runFolder`'s latest checkpoint. */
  resume: boolean
}

/** Classify texts with the best checkpoint of a run. */
export interface PredictJob extends Omit<TrainJob, 'datasetFile' | 'resume'> {
  texts: { text: string; secondText?: string | undefined }[]
}

export type ToTrainer =
  | { type: 'train'; job: TrainJob }
  | { type: 'predict'; job: PredictJob }
  /** Write a checkpoint and end with `paused`. */
  | { type: 'pause' }
  /** Write a checkpoint and end with `stopped`. */
  | { type: 'stop' }

export interface TrainResult {
  best: { epoch: number; metric: ScoreName; value: number }
  validation: Scores
  /** Only where the dataset has a test split. */
  test?: Scores
  confusion: ConfusionMatrix[]
  backboneHashAfter: string
  examplesPerSecond: number
  /** Median of the training steps, the first of each shape left out. */
  stepMs: number
  peakRssBytes: number
  /** Seconds of training, evaluation included, pauses not. */
  seconds: number
}

export type FromTrainer =
  | {
      type: 'started'
      environment: RunEnvironment
      trainableParameters: number
      backboneParameters: number
      backboneHashBefore: string
    }
  | { type: 'heartbeat'; rssBytes: number }
  | { type: 'log'; level: LogLine['level']; text: string }
  | { type: 'progress'; progress: RunProgress }
  | { type: 'metrics'; points: MetricPoint[] }
  | { type: 'checkpoint'; kind: 'best' | 'latest'; epoch: number; step: number; path: string; bytes: number }
  | { type: 'paused' }
  | { type: 'stopped' }
  | { type: 'finished'; result: TrainResult }
  | { type: 'predicted'; scores: number[][] }
  | { type: 'failed'; error: ContractError }
