/**
 * The one list of what crosses between the renderer (or the command line) and the workbench process.
 * `endpoints` are calls with a zod-parsed input and a typed output; `topics` are what the workbench publishes.
 * Handler types are derived from here, so a missing or an extra handler does not compile.
 */
import { z } from 'zod'

import {
  DatasetSources,
  type DatasetDetail,
  type DatasetPreview,
  type DatasetRow,
  type DatasetSummary,
} from './contract/datasets.ts'
import type { AdapterDetail, AdapterSummary } from './contract/adapters.ts'
import {
  ComparisonInput,
  CurvesInput,
  DisagreementsInput,
  ReportInput,
  type Comparison,
  type Curves,
  type Disagreements,
  type Report,
  type SweepAnalysis,
} from './contract/comparison.ts'
import {
  DefaultExperiment,
  ExperimentConfig,
  type ExperimentDetail,
  type ExperimentPlan,
  type ExperimentSummary,
} from './contract/experiments.ts'
import {
  QueueDevice,
  RunAnnotation,
  RunImport,
  RunQuery,
  type ConfigDiff,
  type ImportPreview,
  type MetricFigures,
  type QueueState,
  type Sparkline,
} from './contract/run-library.ts'
import type { MethodDescription } from './contract/methods.ts'
import { MethodChoice, HeadChoice, type ParameterCount } from './contract/methods.ts'
import type { ModelDetail, ModelSummary } from './contract/models.ts'
import { BackbonePrecision } from './contract/engine.ts'
import {
  RunConfig,
  type LogLine,
  type MetricPoint,
  type MetricSeries,
  type RunDetail,
  type RunSummary,
} from './contract/runs.ts'
import type { Prediction } from './contract/runs.ts'
import { ProgramSettings } from './contract/settings.ts'
import type { DeviceProgress, DeviceReport, SystemInfo } from './contract/system.ts'

export * from './contract/adapters.ts'
export * from './contract/comparison.ts'
export * from './contract/composition.ts'
export * from './contract/composition-text.ts'
export * from './contract/datasets.ts'
export * from './contract/engine.ts'
export * from './contract/errors.ts'
export * from './contract/experiments.ts'
export * from './contract/method-text.ts'
export * from './contract/methods.ts'
export * from './contract/models.ts'
export * from './contract/run-library.ts'
export * from './contract/runs.ts'
export * from './contract/settings.ts'
export * from './contract/system.ts'

/** One call: its input's schema, and its output's type (which exists only for the compiler). */
export interface Endpoint<Input extends z.ZodType, Output> {
  readonly input: Input
  readonly output?: Output
}

/** One published stream of messages; the type exists only for the compiler. */
export interface Topic<Message> {
  readonly message?: Message
}

function endpoint<Input extends z.ZodType>(input: Input) {
  return { returns: <Output>(): Endpoint<Input, Output> => ({ input }) }
}

function topic<Message>(): Topic<Message> {
  return {}
}

const Nothing = z.object({}).strict().default({})
const ById = z.object({ id: z.string().min(1) }).strict()
const RunIds = z.array(z.string().min(1)).min(1).max(5000)

export const endpoints = {
  'system.info': endpoint(Nothing).returns<SystemInfo>(),
  /**
   * As they were last measured in this home folder; `measure` tries each anew, which takes some seconds. Stopped
   * meanwhile, what was measured before stays.
   */
  'system.devices': endpoint(
    z
      .object({ measure: z.boolean().default(false) })
      .strict()
      .prefault({}),
  ).returns<DeviceReport[]>(),
  /** Stops a measurement that is under way, if there is one. */
  'system.stopMeasuring': endpoint(Nothing).returns<void>(),

  /** What new runs take where nothing else is said for them. */
  'settings.get': endpoint(Nothing).returns<ProgramSettings>(),
  'settings.set': endpoint(ProgramSettings).returns<ProgramSettings>(),

  'models.list': endpoint(Nothing).returns<ModelSummary[]>(),
  'models.get': endpoint(ById).returns<ModelDetail>(),
  'models.add': endpoint(
    z.object({ folder: z.string().min(1), name: z.string().min(1).max(120).optional() }).strict(),
  ).returns<ModelSummary>(),
  'models.remove': endpoint(ById).returns<void>(),

  'datasets.list': endpoint(Nothing).returns<DatasetSummary[]>(),
  'datasets.get': endpoint(ById).returns<DatasetDetail>(),
  'datasets.preview': endpoint(DatasetSources).returns<DatasetPreview>(),
  'datasets.import': endpoint(DatasetSources).returns<DatasetDetail>(),
  'datasets.rows': endpoint(
    z
      .object({
        id: z.string().min(1),
        offset: z.number().int().min(0).default(0),
        limit: z.number().int().min(1).max(1000).default(100),
        split: z.enum(['train', 'validation', 'test']).optional(),
        label: z.string().optional(),
        search: z.string().max(200).optional(),
      })
      .strict(),
  ).returns<{ total: number; rows: DatasetRow[] }>(),
  /** Token lengths under one model's tokenizer: a histogram per split for the truncation line. */
  'datasets.lengths': endpoint(
    z.object({ id: z.string().min(1), modelId: z.string().min(1) }).strict(),
  ).returns<{ counts: number[]; longest: number }>(),
  'datasets.remove': endpoint(ById).returns<void>(),
  'datasets.addSamples': endpoint(Nothing).returns<DatasetSummary[]>(),

  'methods.list': endpoint(Nothing).returns<MethodDescription[]>(),
  'methods.count': endpoint(
    z
      .object({
        modelId: z.string().min(1),
        method: MethodChoice,
        head: HeadChoice,
        labels: z.number().int().min(1),
        adapterIds: z.array(z.string().min(1)).default([]),
        headIds: z.array(z.string().min(1)).optional(),
        fusionId: z.string().min(1).optional(),
        /** Class counts of further tasks trained together. */
        moreLabels: z.array(z.number().int().min(1)).default([]),
        unfreezeLayers: z.array(z.number().int().min(0)).default([]),
        maximumLength: z.number().int().min(4).max(4096).default(64),
        backbonePrecision: BackbonePrecision.default('float32'),
      })
      .strict(),
  ).returns<ParameterCount>(),

  /** Trained adapters, fusions and heads. `modelId`: only those that fit this model. */
  'adapters.list': endpoint(
    z
      .object({ modelId: z.string().min(1).optional() })
      .strict()
      .default({}),
  ).returns<AdapterSummary[]>(),
  'adapters.get': endpoint(ById).returns<AdapterDetail>(),
  'adapters.rename': endpoint(
    z.object({ id: z.string().min(1), name: z.string().min(1).max(200) }).strict(),
  ).returns<AdapterSummary>(),
  'adapters.remove': endpoint(ById).returns<void>(),
  /** A new stored adapter: the prefix without the network that made it. */
  'adapters.eject': endpoint(ById).returns<AdapterSummary>(),
  /** Writes a model with the adapter (LoRA, IA3) merged into its weights. @returns its folder */
  'adapters.merge': endpoint(
    z.object({ id: z.string().min(1), folder: z.string().min(1) }).strict(),
  ).returns<{ folder: string; bytes: number }>(),

  'runs.start': endpoint(RunConfig).returns<RunSummary>(),
  'runs.list': endpoint(RunQuery.default({})).returns<RunSummary[]>(),
  'runs.get': endpoint(ById).returns<RunDetail>(),
  'runs.metrics': endpoint(
    z.object({ id: z.string().min(1), names: z.array(z.string()).optional() }).strict(),
  ).returns<MetricSeries[]>(),
  'runs.log': endpoint(
    z.object({ id: z.string().min(1), after: z.number().int().min(0).default(0) }).strict(),
  ).returns<LogLine[]>(),
  'runs.pause': endpoint(ById).returns<RunSummary>(),
  /** `onCpu`: on onnxruntime's cpu from now on, where it has been on another device. */
  'runs.resume': endpoint(
    z.object({ id: z.string().min(1), onCpu: z.boolean().optional() }).strict(),
  ).returns<RunSummary>(),
  'runs.stop': endpoint(ById).returns<RunSummary>(),
  'runs.rename': endpoint(
    z.object({ id: z.string().min(1), name: z.string().min(1).max(200) }).strict(),
  ).returns<RunSummary>(),
  'runs.remove': endpoint(ById).returns<void>(),
  /** Tags, notes and the archive of any number of runs; answers with those that changed. */
  'runs.annotate': endpoint(RunAnnotation).returns<RunSummary[]>(),
  /** A run's configuration, ready for `runs.start` as it stands or changed; without the name. */
  'runs.clone': endpoint(ById).returns<RunConfig>(),
  /** Configurations side by side; only what differs, unless `all`. */
  'runs.diff': endpoint(
    z.object({ ids: RunIds.max(200), all: z.boolean().default(false) }).strict(),
  ).returns<ConfigDiff>(),
  /** Last, smallest and largest value of metrics; of all runs where no ids are given. */
  'runs.figures': endpoint(
    z.object({ ids: RunIds.optional(), names: z.array(z.string().min(1)).min(1).max(20) }).strict(),
  ).returns<MetricFigures[]>(),
  /** One metric of many runs, each thinned to a few points. */
  'runs.sparklines': endpoint(
    z
      .object({
        ids: RunIds.max(500),
        name: z.string().min(1).default('validation.accuracy'),
        points: z.number().int().min(3).max(200).default(40),
      })
      .strict(),
  ).returns<Sparkline[]>(),
  /** What waits and what runs, and how many may run at once on each device. */
  'runs.queue': endpoint(Nothing).returns<QueueState>(),
  /** Moves a queued run before another queued one, or to the end. */
  'runs.reorder': endpoint(
    z.object({ id: z.string().min(1), before: z.string().min(1).optional() }).strict(),
  ).returns<QueueState>(),
  'runs.setConcurrency': endpoint(
    z.object({ device: QueueDevice, runs: z.number().int().min(1).max(16) }).strict(),
  ).returns<QueueState>(),
  /** What importing would give. Changes nothing. */
  'runs.previewImport': endpoint(RunImport).returns<ImportPreview>(),
  /** Old results from TensorBoard event files or CSV become finished runs. */
  'runs.import': endpoint(RunImport).returns<RunSummary[]>(),
  'runs.predict': endpoint(
    z
      .object({
        id: z.string().min(1),
        texts: z
          .array(z.object({ text: z.string(), secondText: z.string().optional() }).strict())
          .min(1)
          .max(1000),
        /** Which of several tasks answers, by its name; default: the first. */
        task: z.string().optional(),
        /**
         * Which task adapters are at work in a run that has several: `all`, `own` (the answering task's), their tasks'
         * names with commas between, `top<k>` (the k with the largest gate in each layer), or `confident` (the task
         * whose head is most confident). Which adapters a fusion has at work: `all`, their names, or `top<k>` (the k
         * with the largest mean weight in each layer).
         */
        active: z.string().default('all'),
      })
      .strict(),
  ).returns<Prediction[]>(),

  /** Changes nothing: the runs, their number and time, and what is wrong with the configuration. */
  'experiments.plan': endpoint(ExperimentConfig).returns<ExperimentPlan>(),
  /** The configuration of the default experiment on these datasets, to be shown, changed or created. */
  'experiments.default': endpoint(DefaultExperiment).returns<ExperimentConfig>(),
  /** Stores it; `start` lets it begin at once. Refused while its plan has problems. */
  'experiments.create': endpoint(
    z.object({ config: ExperimentConfig, start: z.boolean().default(true) }).strict(),
  ).returns<ExperimentDetail>(),
  'experiments.list': endpoint(Nothing).returns<ExperimentSummary[]>(),
  'experiments.get': endpoint(ById).returns<ExperimentDetail>(),
  'experiments.start': endpoint(ById).returns<ExperimentSummary>(),
  /** No more runs begin; those that run are paused. */
  'experiments.pause': endpoint(ById).returns<ExperimentSummary>(),
  'experiments.resume': endpoint(ById).returns<ExperimentSummary>(),
  /** Stops what runs and leaves out the rest; what has finished stays. */
  'experiments.cancel': endpoint(ById).returns<ExperimentSummary>(),
  /** Starts failed, stopped and blocked steps again; one step where its key is given. */
  'experiments.retry': endpoint(
    z.object({ id: z.string().min(1), key: z.string().min(1).optional() }).strict(),
  ).returns<ExperimentSummary>(),
  'experiments.update': endpoint(
    z
      .object({
        id: z.string().min(1),
        name: z.string().min(1).max(200).optional(),
        question: z.string().max(2000).optional(),
        priority: z.number().int().min(-100).max(100).optional(),
      })
      .strict(),
  ).returns<ExperimentSummary>(),
  /** Its runs stay. Refused while it is running. */
  'experiments.remove': endpoint(ById).returns<void>(),

  'comparison.get': endpoint(ComparisonInput).returns<Comparison>(),
  'comparison.curves': endpoint(CurvesInput).returns<Curves>(),
  'comparison.disagreements': endpoint(DisagreementsInput).returns<Disagreements>(),
  /** Which settings mattered among the compared groups, and the lines of a parallel-coordinates chart. */
  'comparison.sweep': endpoint(ComparisonInput).returns<SweepAnalysis>(),
  'report.create': endpoint(ReportInput).returns<Report>(),

  /** Answered by the desktop shell itself; the headless host refuses them as `unsupported`. */
  'shell.openFiles': endpoint(
    z
      .object({
        title: z.string(),
        kind: z.enum(['files', 'folder']),
        extensions: z.array(z.string()).optional(),
      })
      .strict(),
  ).returns<string[]>(),
  'shell.revealFolder': endpoint(z.object({ path: z.string().min(1) }).strict()).returns<void>(),
  'shell.quit': endpoint(Nothing).returns<void>(),
} as const

export const topics = {
  'run.changed': topic<RunSummary>(),
  'run.removed': topic<{ id: string }>(),
  'run.metrics': topic<{ id: string; points: MetricPoint[] }>(),
  'run.log': topic<{ id: string; lines: LogLine[] }>(),
  'experiment.changed': topic<ExperimentSummary>(),
  'experiment.removed': topic<{ id: string }>(),
  'queue.changed': topic<QueueState>(),
  'dataset.progress': topic<{ name: string; rows: number; bytes: number; totalBytes: number }>(),
  'dataset.changed': topic<{ id: string }>(),
  'model.changed': topic<{ id: string }>(),
  'adapter.changed': topic<{ id: string }>(),
  /** While the devices are measured; with all of them done, it has ended. */
  'devices.progress': topic<DeviceProgress>(),
  'settings.changed': topic<ProgramSettings>(),
  /** Published by the shell: the workbench process went away, or is back. */
  'shell.workbench': topic<{ state: 'ready' | 'lost' | 'failed'; message: string }>(),
} as const

export type Endpoints = typeof endpoints
export type EndpointName = keyof Endpoints
/** What a caller passes (defaults not yet filled in). */
export type InputOf<Name extends EndpointName> = z.input<Endpoints[Name]['input']>
/** What a handler receives (parsed, defaults filled in). */
export type ParsedInputOf<Name extends EndpointName> = z.output<Endpoints[Name]['input']>
export type OutputOf<Name extends EndpointName> =
  Endpoints[Name] extends Endpoint<z.ZodType, infer Output> ? Output : never

export type Topics = typeof topics
export type TopicName = keyof Topics
export type MessageOf<Name extends TopicName> = Topics[Name] extends Topic<infer Message> ? Message : never

export type ShellEndpointName = Extract<EndpointName, `shell.${string}`>
export type WorkbenchEndpointName = Exclude<EndpointName, ShellEndpointName>

/** The handlers of the workbench process: exactly one per endpoint that is not the shell's. */
export type Handlers = {
  [Name in WorkbenchEndpointName]: (input: ParsedInputOf<Name>) => Promise<OutputOf<Name>> | OutputOf<Name>
}

export type ShellHandlers = {
  [Name in ShellEndpointName]: (input: ParsedInputOf<Name>) => Promise<OutputOf<Name>> | OutputOf<Name>
}

/** What preload puts at `window.workbench`, and what the WebSocket transport offers as well. */
export interface WorkbenchApi {
  readonly host: 'desktop' | 'server'
  invoke<Name extends EndpointName>(name: Name, input: InputOf<Name>): Promise<OutputOf<Name>>
  subscribe<Name extends TopicName>(name: Name, listener: (message: MessageOf<Name>) => void): () => void
}
