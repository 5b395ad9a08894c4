import type {
  ConfusionMatrix,
  ContractError,
  FusionWeights,
  DeviceReport,
  HeadChoice,
  LogLine,
  MethodChoice,
  MetricPoint,
  RunAnalysis,
  RunConfig,
  RunEnvironment,
  RunProgress,
  Scores,
  ScoreName,
  TaskResult,
} from '../../preload/contract.ts'
import type { ListenedTo } from './selection.ts'

/** The adapter name under which a run's own parameters stand in the state dict, and in the files it leaves. */
export const runAdapterName = 'run'

/** A dataset with its own head. */
export interface JobTask {
  datasetId: string
  /** Unique among the run's tasks; part of parameter and metric names. */
  name: string
  /** File of the dataset's rows (data/dataset-file.ts). */
  datasetFile: string
  /** Class names in the order of their index. */
  labels: string[]
}

/** A stored adapter that a run builds on. */
export interface JobAdapter {
  id: string
  /** Under which its parameters stand in this run's state dict: unique in the run. */
  name: string
  method: MethodChoice
  /** Its tensors, which stand in it under the adapter name that every run trains under (`runAdapterName`). */
  file: string
}

/** A stored head or fusion, whose values a run's own begins with. */
export type JobBeginning = {
  /** As the library names it. */
  name: string
  file: string
} & (
  | {
      kind: 'head'
      /** Whose head begins with it, by index. */
      task: number
      /** How the run that left it had put it together; left out: that run is gone. */
      head?: HeadChoice
    }
  | { kind: 'fusion'; method: MethodChoice }
)

/** A part of a run's best parameters that is worth keeping on its own: a file in the run's folder. */
export interface TrainedPart {
  kind: 'adapter' | 'fusion' | 'head'
  /** Whose it is, where each task has its own. */
  task?: number
  /** The method that an adapter is, where that is not the run's. */
  method?: MethodChoice
  path: string
  bytes: number
  parameters: number
}

/** A finished run that another one goes on from, by itself or by way of others. */
export interface EarlierRun {
  runId: string
  name: string
  config: RunConfig
  /** All that it was trained on, in order. */
  tasks: (Omit<JobTask, 'datasetFile'> & {
    /** Left out: the dataset has been removed since. */
    datasetFile?: string
  })[]
  adapters: JobAdapter[]
  runFolder: string
}

/** All that a trainer process needs to train one run; it reads nothing from the store. */
export interface TrainJob {
  runId: string
  config: RunConfig
  /** Folder of the backbone's checkpoint. */
  modelFolder: string
  /** The tasks trained together; most runs have one. */
  tasks: JobTask[]
  /** Trained adapters that the method builds on, in order. */
  adapters: JobAdapter[]
  /** What its heads and its fusion begin with, where that is not by themselves. */
  beginnings?: JobBeginning[]
  /**
   * The runs that this one goes on from, in the order in which they were trained: the backbone of the last is the
   * beginning, and the tasks of all are measured again at the end.
   */
  earlier?: EarlierRun[]
  /** Where this run's checkpoints go; exists. */
  runFolder: string
  /** Where files that can be made again go (backbone weights as external data); shared by all runs. */
  cacheFolder: string
  /** Text on which forgetting is measured, one example in each line; left out: it is not measured. */
  heldOutFile?: string
  /** Go on from `runFolder`'s latest checkpoint. */
  resume: boolean
}

/** Classify texts with the best checkpoint of a run. */
export interface PredictJob extends Omit<TrainJob, 'resume'> {
  texts: { text: string; secondText?: string | undefined }[]
  /** Which task answers, by index. */
  task: number
  /** Which adapters are at work (`runs.predict` in the contract). */
  active: string
  /** What the run's fusion listens to, where it has one. */
  fusion?: ListenedTo
}

/** Turn a stored adapter into another form (training/convert.ts). */
export interface ConvertJob {
  modelFolder: string
  adapter: JobAdapter
  to: 'ejected' | 'merged'
  /** File of the new adapter, or folder of the merged model. */
  target: string
}

export type ToTrainer =
  | { type: 'train'; job: TrainJob }
  | { type: 'predict'; job: PredictJob }
  | { type: 'convert'; job: ConvertJob }
  /** Try a device, which may end the process, and measure a step on it. */
  | { type: 'measure'; device: Pick<DeviceReport, 'engine' | 'device'> }
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
  tasks: TaskResult[]
  analysis: RunAnalysis
  parts: TrainedPart[]
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
  | { type: 'predicted'; predictions: { task: number; scores: number[]; fusion?: FusionWeights[] }[] }
  | { type: 'measured'; device: DeviceReport }
  | { type: 'converted'; method: MethodChoice; parameters: number; bytes: number }
  /** `ofDevice`: it may go well on another device. */
  | { type: 'failed'; error: ContractError; ofDevice?: boolean }
