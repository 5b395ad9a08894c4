import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'

import type { RunProgress, SplitName, TrainingConfig } from '../../preload/contract.ts'
import { BatchPlan, type TaskBatch } from '../data/batch-plan.ts'
import { openEngine } from '../engines/devices.ts'
import { tensorOf } from '../models/weights.ts'
import {
  addTallies,
  beginning,
  bestPath,
  latestPath,
  readBest,
  readLatest,
  writeBest,
  writeLatest,
  type Position,
} from './checkpoint.ts'
import { concludeRun } from './conclusion.ts'
import { earlierBackbone } from './earlier-tasks.ts'
import { divergence } from './divergence.ts'
import { describeEnvironment } from './environment.ts'
import { readExamples } from './examples.ts'
import { initialParameters } from './initialise.ts'
import type { FromTrainer, TrainJob, TrainResult } from './messages.ts'
import { median } from './metrics.ts'
import { precisionInWords } from './precision.ts'
import { prepare, type Prepared } from './prepare.ts'
import { Reporter } from './reporter.ts'
import { evaluateTasks, taskOf, tellScores, type RunContext, type TaskExamples } from './run-context.ts'
import { learningRateAt } from './schedule.ts'
import { readBeginnings } from './stored-beginnings.ts'
import { Tuning, type StateKeeping, type StepResult } from './tuning.ts'

/** What the user may ask of a run while it goes on. */
export interface Control {
  requested: 'pause' | 'stop' | undefined
}

/** Thrown where a request ends the run; the checkpoint has been written by then. */
class EndedByRequest extends Error {
  readonly how: 'paused' | 'stopped'

  constructor(how: 'paused' | 'stopped') {
    super(how)
    this.how = how
  }
}

/** Step times kept for their median. */
const keptStepTimes = 2000

/**
 * Trains one run from its beginning or its latest checkpoint to its end, reporting as it goes. Ends with the
 * message `finished`, `paused` or `stopped`.
 *
 * @param openWith gives the engine
 * @throws WorkbenchError where it cannot go on
 */
export async function train(
  job: TrainJob,
  send: (message: FromTrainer) => void,
  control: Control,
  openWith = openEngine,
): Promise<void> {
  const reporter = new Reporter(send)
  const prepared = await prepare(job, openWith)
  try {
    const run = await TrainingRun.start(job, prepared, reporter, control)
    try {
      const result = await run.toTheEnd()
      reporter.tell({ type: 'finished', result })
    } catch (error) {
      if (!(error instanceof EndedByRequest)) throw error
      reporter.tell({ type: error.how })
    } finally {
      await run.dispose()
    }
  } finally {
    await prepared.checkpoint.close()
  }
}

class TrainingRun {
  private readonly job: TrainJob
  private readonly prepared: Prepared
  private readonly reporter: Reporter
  private readonly control: Control
  private readonly tuning: Tuning
  private readonly examples: readonly TaskExamples[]
  private readonly config: TrainingConfig
  private readonly context: RunContext
  private readonly plan: BatchPlan
  private readonly stepTimes: number[] = []
  private position: Position
  /** When the present stretch of training began, and what had been trained before it. */
  private readonly began = performance.now()
  private readonly secondsBefore: number

  private constructor(
    job: TrainJob,
    prepared: Prepared,
    reporter: Reporter,
    control: Control,
    tuning: Tuning,
    examples: readonly TaskExamples[],
    position: Position,
  ) {
    this.job = job
    this.prepared = prepared
    this.reporter = reporter
    this.control = control
    this.tuning = tuning
    this.examples = examples
    this.config = job.config.training
    const lengths = examples.map(({ train }) => train.lengths)
    this.plan = new BatchPlan(lengths, { ...this.config, sampling: job.config.taskSampling })
    this.context = {
      job,
      prepared,
      tuning,
      examples,
      log: (text, level) => reporter.log(text, level),
      metric: (name, value) => reporter.metric(name, this.position.step, value),
      at: (phase) => reporter.at(this.progress(phase)),
      breathe: async (phase) => {
        reporter.at(this.progress(phase))
        await this.obey()
      },
    }
    this.position = position
    this.secondsBefore = position.seconds
  }

  static async start(
    job: TrainJob,
    prepared: Prepared,
    reporter: Reporter,
    control: Control,
  ): Promise<TrainingRun> {
    const { training } = job.config
    const examples: TaskExamples[] = []
    for (const { datasetFile, labels } of job.tasks) {
      examples.push(await readExamples(datasetFile, prepared.tokenizer, labels, training.maximumLength))
    }
    const tuning = new Tuning(prepared, training, stateKeeping(job, reporter))
    const saved = job.resume ? await readLatest(job.runFolder, tuning.layout) : undefined
    const size = tuning.layout.size
    tuning.start(
      saved?.vectors ?? {
        parameters: await initialParameters(
          tuning.layout,
          training.seed,
          (name) => tensorOf(prepared.backbone, name).read(),
          new Map([
            ...prepared.stored,
            ...(await readBeginnings(job.beginnings ?? [], job.config, prepared.model, prepared.adapters)),
            ...(await earlierBackbone(job.earlier?.at(-1), prepared)),
          ]),
        ),
        moment1: new Float32Array(size),
        moment2: new Float32Array(size),
      },
      saved?.position,
    )
    const run = new TrainingRun(
      job,
      prepared,
      reporter,
      control,
      tuning,
      examples,
      saved?.position ?? beginning,
    )
    reporter.tell({
      type: 'started',
      environment: describeEnvironment(prepared.engine, precisionInWords(prepared)),
      trainableParameters: size,
      backboneParameters: prepared.backbone.parameters,
      backboneHashBefore: prepared.backbone.hash,
    })
    for (const { name, step, value } of saved?.position.recentPoints ?? []) reporter.metric(name, step, value)
    const where = saved ? `Resumed after step ${saved.position.step}` : 'Started'
    const rows = (split: SplitName): number =>
      examples.reduce((total, { [split]: { texts } }) => total + texts.length, 0)
    reporter.log(
      `${where}: ${rows('train')} training, ${rows('validation')} validation and ${rows('test')} test examples` +
        (job.tasks.length > 1 ? ` of ${job.tasks.length} tasks` : '') +
        `, ${run.steps} steps, ${size} trainable parameters`,
    )
    return run
  }

  async dispose(): Promise<void> {
    await this.tuning.dispose()
  }

  async toTheEnd(): Promise<TrainResult> {
    while (this.position.epoch < this.config.epochs && !this.position.stoppedEarly) {
      await this.trainEpoch(this.position.epoch + 1)
    }
    return this.finish()
  }

  private async trainEpoch(epoch: number): Promise<void> {
    const { checkpointSteps } = this.config
    const batches = this.plan.epoch(epoch)
    const firstStep = this.plan.before(epoch)
    for (let index = this.position.step - firstStep; index < batches.length; index++) {
      const batch = batches[index]
      if (!batch) throw new Error(`epoch ${epoch} has no batch ${index}`)
      await this.trainStep(firstStep + index + 1, batch)
      if (checkpointSteps > 0 && (index + 1) % checkpointSteps === 0) await this.save()
      await this.obey()
    }
    await this.endEpoch(epoch)
  }

  private async trainStep(step: number, batch: TaskBatch): Promise<void> {
    const learningRate = learningRateAt(step, this.steps, this.prepared.learningRate, this.config)
    const examples = this.examples[batch.task]
    if (!examples) throw new Error(`there is no task ${batch.task}`)
    await this.tuning.keepStates(examples.train, () => this.context.breathe('preparing'))
    const result = await this.tuning.train(step, learningRate, examples.train, batch)
    const { loss, gradientNorm, seconds } = result
    if (!Number.isFinite(loss) || (!Number.isFinite(gradientNorm) && !result.skipped))
      throw divergence({ ...this.position, step, learningRate, loss, config: this.config })
    if (result.skipped) this.tellSkipped(step, result)
    this.stepTimes.push(seconds * 1000)
    if (this.stepTimes.length > keptStepTimes) this.stepTimes.shift()
    const rss = process.memoryUsage.rss()
    this.position = {
      ...this.position,
      step,
      trainingSeconds: this.position.trainingSeconds + seconds,
      examples: this.position.examples + batch.indices.length,
      seconds: this.seconds(),
      peakRssBytes: Math.max(this.position.peakRssBytes, process.resourceUsage().maxRSS * 1024),
      tallies: addTallies(this.position.tallies, result.tallied),
    }
    this.tellStep(step, batch, learningRate, result)
    this.reporter.metric('system.rssBytes', step, rss)
    this.reporter.at(this.progress('training'))
  }

  private tellSkipped(step: number, { lossScale = 1 }: StepResult): void {
    this.reporter.log(
      `Step ${step} was left out: half precision ends below its gradients with the loss times ${lossScale}, so it is times ${lossScale / 2} from now on`,
    )
  }

  private tellStep(
    step: number,
    { task, indices }: TaskBatch,
    learningRate: number,
    { loss, gradientNorm, added, seconds, lossScale, skipped }: StepResult,
  ): void {
    this.reporter.metric('train.loss', step, loss)
    if (added) {
      this.reporter.metric('train.taskLoss', step, added.taskLoss)
      for (const [name, value] of Object.entries(added.losses))
        this.reporter.metric(`train.loss.${name}`, step, value)
    }
    if (this.job.tasks.length > 1) {
      const { name } = taskOf(this.job, task)
      this.reporter.metric(`train.${name}.loss`, step, added?.taskLoss ?? loss)
    }
    this.reporter.metric('train.learningRate', step, learningRate)
    if (!skipped) this.reporter.metric('train.gradientNorm', step, gradientNorm)
    if (lossScale !== undefined) this.reporter.metric('train.lossScale', step, lossScale)
    this.reporter.metric('train.examplesPerSecond', step, indices.length / seconds)
    if (this.config.batchTokens !== undefined) this.reporter.metric('train.rows', step, indices.length)
  }

  private async endEpoch(epoch: number): Promise<void> {
    this.reporter.at(this.progress('validating'))
    const { parameters } = await this.tuning.vectors()
    const values = { parameters, step: this.position.step }
    const scores = tellScores(
      this.context,
      'validation',
      await evaluateTasks(this.context, 'validation', values),
    )
    const figures = this.prepared.model.method.tally?.figures(this.position.tallies) ?? {}
    for (const [name, value] of Object.entries(figures)) this.context.metric(`train.${name}`, value)
    const { best } = this.position
    const value = scores[this.config.bestMetric]
    const better = best === undefined || value > best.value
    const epochsWithoutGain = better ? 0 : this.position.epochsWithoutGain + 1
    if (better) {
      const bytes = await writeBest(this.job.runFolder, this.tuning.layout, values)
      this.tellCheckpoint('best', bestPath(this.job.runFolder), epoch, bytes)
    }
    this.position = {
      ...this.position,
      epoch,
      best: better ? { epoch, metric: this.config.bestMetric, value, validation: scores } : best,
      epochsWithoutGain,
      stoppedEarly: this.config.patience > 0 && epochsWithoutGain >= this.config.patience,
      seconds: this.seconds(),
      tallies: {},
    }
    this.reporter.log(
      `Epoch ${epoch} of ${this.config.epochs}: validation ${this.config.bestMetric} ${percent(value)}, loss ${scores.loss.toFixed(4)}` +
        (better ? ' (best so far)' : ''),
    )
    if (this.position.stoppedEarly) {
      this.reporter.log(`Stopped early: no better validation score for ${this.config.patience} epochs`)
    }
    await this.save()
    await this.obey()
  }

  private async finish(): Promise<TrainResult> {
    const { best } = this.position
    if (!best) throw new Error('a run ended without an epoch')
    const values = await readBest(this.job.runFolder, this.tuning.layout)
    return {
      ...(await concludeRun(this.context, best, values)),
      examplesPerSecond:
        this.position.trainingSeconds > 0 ? this.position.examples / this.position.trainingSeconds : 0,
      stepMs: median(this.stepTimes),
      peakRssBytes: Math.max(this.position.peakRssBytes, process.resourceUsage().maxRSS * 1024),
      seconds: this.seconds(),
    }
  }

  /** Lets messages in, and ends the run where one asks for it. An evaluation cut short is made again on resuming. */
  private async obey(): Promise<void> {
    await setImmediate()
    if (this.control.requested === undefined) return
    await this.save()
    throw new EndedByRequest(this.control.requested === 'pause' ? 'paused' : 'stopped')
  }

  private async save(): Promise<void> {
    const { runFolder } = this.job
    const parameterSteps = [...this.tuning.parameterSteps]
    const { lossScaling } = this.tuning
    const position: Position = {
      ...this.position,
      parameterSteps,
      recentPoints: this.reporter.latest(),
      ...(lossScaling ? { lossScaling } : {}),
    }
    const bytes = await writeLatest(runFolder, position, this.tuning.layout, await this.tuning.vectors())
    this.tellCheckpoint('latest', latestPath(runFolder), this.position.epoch, bytes)
  }

  private tellCheckpoint(kind: 'best' | 'latest', path: string, epoch: number, bytes: number): void {
    this.reporter.tell({ type: 'checkpoint', kind, epoch, step: this.position.step, path, bytes })
  }

  private get steps(): number {
    return this.plan.before(this.config.epochs + 1)
  }

  private seconds(): number {
    return this.secondsBefore + (performance.now() - this.began) / 1000
  }

  private progress(phase: RunProgress['phase']): RunProgress {
    const { epoch, step, seconds } = this.position
    return {
      epoch: Math.max(1, step > this.plan.before(epoch + 1) ? epoch + 1 : epoch),
      epochs: this.config.epochs,
      step,
      steps: this.steps,
      seconds,
      secondsLeft: step > 0 ? (seconds / step) * (this.steps - step) : undefined,
      phase,
    }
  }
}

/** With one epoch, nothing that is kept would be read again. */
function stateKeeping(
  { cacheFolder, config: { training, engine } }: TrainJob,
  reporter: Reporter,
): StateKeeping | undefined {
  if (training.epochs === 1 || engine.cacheMegabytes === 0) return undefined
  return {
    folder: join(cacheFolder, 'states'),
    budget: engine.cacheMegabytes * 1e6,
    log: (text) => reporter.log(text),
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
