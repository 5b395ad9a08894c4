import { setImmediate } from 'node:timers/promises'

import { WorkbenchError, type RunProgress, type TrainingConfig } from '../../preload/contract.ts'
import { findMethod } from '../adapters/registry.ts'
import { trainingBatches } from '../data/batches.ts'
import {
  bestPath,
  latestPath,
  readBest,
  readLatest,
  writeBest,
  writeLatest,
  type Position,
} from './checkpoint.ts'
import { describeEnvironment } from './environment.ts'
import { evaluate, type Evaluation } from './evaluate.ts'
import { readExamples, type Examples } from './examples.ts'
import { initialParameters } from './initialise.ts'
import { partOf } from './layout.ts'
import type { FromTrainer, TrainJob, TrainResult } from './messages.ts'
import { median } from './metrics.ts'
import { backboneHash, prepare, type Prepared } from './prepare.ts'
import { Reporter } from './reporter.ts'
import { learningRateAt } from './schedule.ts'
import { Tuning } from './tuning.ts'

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
 * @throws WorkbenchError where it cannot go on
 */
export async function train(
  job: TrainJob,
  send: (message: FromTrainer) => void,
  control: Control,
): Promise<void> {
  const reporter = new Reporter(send)
  const prepared = await prepare(job.config, job.modelFolder, job.labels, job.cacheFolder)
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
  private readonly examples: Record<'train' | 'validation' | 'test', Examples>
  private readonly config: TrainingConfig
  private readonly peakLearningRate: number
  private readonly stepsPerEpoch: number
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
    examples: Record<'train' | 'validation' | 'test', Examples>,
    position: Position,
  ) {
    this.job = job
    this.prepared = prepared
    this.reporter = reporter
    this.control = control
    this.tuning = tuning
    this.examples = examples
    this.config = job.config.training
    this.peakLearningRate = this.config.learningRate ?? findMethod(job.config.method.name).learningRate
    this.stepsPerEpoch = Math.ceil(examples.train.texts.length / this.config.batchSize)
    this.position = position
    this.secondsBefore = position.seconds
  }

  static async start(
    job: TrainJob,
    prepared: Prepared,
    reporter: Reporter,
    control: Control,
  ): Promise<TrainingRun> {
    const { config } = job
    const examples = await readExamples(
      job.datasetFile,
      prepared.tokenizer,
      job.labels,
      config.training.maximumLength,
    )
    const tuning = await Tuning.compile(prepared, config.training)
    const saved = job.resume ? await readLatest(job.runFolder, tuning.layout) : undefined
    const size = tuning.layout.size
    tuning.start(
      saved?.vectors ?? {
        parameters: await initialParameters(tuning.layout, config.training.seed, (name) =>
          pretrained(prepared, name),
        ),
        moment1: new Float32Array(size),
        moment2: new Float32Array(size),
      },
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
      environment: describeEnvironment(prepared.engine),
      trainableParameters: size,
      backboneParameters: prepared.backbone.parameters,
      backboneHashBefore: prepared.backbone.hash,
    })
    for (const { name, step, value } of saved?.position.recentPoints ?? []) reporter.metric(name, step, value)
    const where = saved ? `Resumed after step ${saved.position.step}` : 'Started'
    reporter.log(
      `${where}: ${examples.train.texts.length} training, ${examples.validation.texts.length} validation and ` +
        `${examples.test.texts.length} test examples, ${run.steps} steps, ${size} trainable parameters`,
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
    const { train } = this.examples
    const batches = trainingBatches(train.lengths, this.config.batchSize, this.config.seed, epoch)
    const firstStep = (epoch - 1) * this.stepsPerEpoch
    for (let index = this.position.step - firstStep; index < batches.length; index++) {
      const indices = batches[index]
      if (!indices) throw new Error(`epoch ${epoch} has no batch ${index}`)
      await this.trainStep(firstStep + index + 1, indices)
      const { checkpointSteps } = this.config
      if (checkpointSteps > 0 && (index + 1) % checkpointSteps === 0) await this.save()
      await this.obey()
    }
    await this.endEpoch(epoch)
  }

  private async trainStep(step: number, indices: Uint32Array): Promise<void> {
    const learningRate = learningRateAt(step, this.steps, this.peakLearningRate, this.config)
    const began = performance.now()
    const { loss, gradientNorm } = await this.tuning.train(step, learningRate, this.examples.train, indices)
    const seconds = (performance.now() - began) / 1000
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      throw this.diverged(step, learningRate, loss)
    this.stepTimes.push(seconds * 1000)
    if (this.stepTimes.length > keptStepTimes) this.stepTimes.shift()
    const rss = process.memoryUsage.rss()
    this.position = {
      ...this.position,
      step,
      trainingSeconds: this.position.trainingSeconds + seconds,
      examples: this.position.examples + indices.length,
      seconds: this.seconds(),
      peakRssBytes: Math.max(this.position.peakRssBytes, process.resourceUsage().maxRSS * 1024),
    }
    this.reporter.metric('train.loss', step, loss)
    this.reporter.metric('train.learningRate', step, learningRate)
    this.reporter.metric('train.gradientNorm', step, gradientNorm)
    this.reporter.metric('train.examplesPerSecond', step, indices.length / seconds)
    this.reporter.metric('system.rssBytes', step, rss)
    this.reporter.at(this.progress('training'))
  }

  private async endEpoch(epoch: number): Promise<void> {
    this.reporter.at(this.progress('validating'))
    const { parameters } = await this.tuning.vectors()
    const { scores } = await this.evaluate('validation', parameters)
    for (const [name, value] of Object.entries(scores)) {
      this.reporter.metric(`validation.${name}`, this.position.step, value)
    }
    const { best } = this.position
    const value = scores[this.config.bestMetric]
    const better = best === undefined || value > best.value
    const epochsWithoutGain = better ? 0 : this.position.epochsWithoutGain + 1
    if (better) {
      const bytes = await writeBest(this.job.runFolder, this.tuning.layout, parameters)
      this.tellCheckpoint('best', bestPath(this.job.runFolder), epoch, bytes)
    }
    this.position = {
      ...this.position,
      epoch,
      best: better ? { epoch, metric: this.config.bestMetric, value, validation: scores } : best,
      epochsWithoutGain,
      stoppedEarly: this.config.patience > 0 && epochsWithoutGain >= this.config.patience,
      seconds: this.seconds(),
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
    const parameters = await readBest(this.job.runFolder, this.tuning.layout)
    this.reporter.at(this.progress('validating'))
    const evaluations: Evaluation[] = [await this.evaluate('validation', parameters)]
    let test: Evaluation | undefined
    if (this.examples.test.texts.length > 0) {
      this.reporter.at(this.progress('testing'))
      test = await this.evaluate('test', parameters)
      evaluations.push(test)
      for (const [name, value] of Object.entries(test.scores))
        this.reporter.metric(`test.${name}`, this.position.step, value)
      this.reporter.log(
        `Test accuracy ${percent(test.scores.accuracy)} with the parameters of epoch ${best.epoch}`,
      )
    }
    this.reporter.at(this.progress('saving'))
    const { layout } = this.tuning
    const hashAfter = await backboneHash(this.prepared, (name) => {
      const entry = layout.entries.get(name)
      return entry?.group === 'backbone' ? partOf(parameters, entry) : undefined
    })
    if (this.prepared.frozen && hashAfter !== this.prepared.backbone.hash) {
      throw new WorkbenchError(
        'engine',
        'the frozen backbone changed during the run: its weight file was altered; remove the cache folder and run again',
      )
    }
    return {
      best: { epoch: best.epoch, metric: best.metric, value: best.value },
      validation: best.validation,
      ...(test ? { test: test.scores } : {}),
      confusion: evaluations.map(({ confusion }) => confusion),
      backboneHashAfter: hashAfter,
      examplesPerSecond:
        this.position.trainingSeconds > 0 ? this.position.examples / this.position.trainingSeconds : 0,
      stepMs: median(this.stepTimes),
      peakRssBytes: Math.max(this.position.peakRssBytes, process.resourceUsage().maxRSS * 1024),
      seconds: this.seconds(),
    }
  }

  private evaluate(split: 'validation' | 'test', parameters: Float32Array): Promise<Evaluation> {
    return evaluate(
      this.tuning.withParameters(parameters),
      split,
      this.examples[split],
      this.job.labels,
      this.prepared.tokenizer.padTokenId,
      async () => {
        this.reporter.at(this.progress(split === 'test' ? 'testing' : 'validating'))
        await this.obey()
      },
    )
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
    const position = { ...this.position, recentPoints: this.reporter.latest() }
    const bytes = await writeLatest(runFolder, position, this.tuning.layout, await this.tuning.vectors())
    this.tellCheckpoint('latest', latestPath(runFolder), this.position.epoch, bytes)
  }

  private tellCheckpoint(kind: 'best' | 'latest', path: string, epoch: number, bytes: number): void {
    this.reporter.tell({ type: 'checkpoint', kind, epoch, step: this.position.step, path, bytes })
  }

  private get steps(): number {
    return this.stepsPerEpoch * this.config.epochs
  }

  private seconds(): number {
    return this.secondsBefore + (performance.now() - this.began) / 1000
  }

  private progress(phase: RunProgress['phase']): RunProgress {
    const { step, seconds } = this.position
    return {
      epoch: Math.max(1, Math.ceil(step / this.stepsPerEpoch)),
      epochs: this.config.epochs,
      step,
      steps: this.steps,
      seconds,
      secondsLeft: step > 0 ? (seconds / step) * (this.steps - step) : undefined,
      phase,
    }
  }

  private diverged(step: number, learningRate: number, loss: number): WorkbenchError {
    const { epoch, best } = this.position
    const last = best
      ? `the best checkpoint is that of epoch ${best.epoch}`
      : 'there is no checkpoint of a whole epoch yet'
    return new WorkbenchError(
      'engine',
      `the loss became ${Number.isNaN(loss) ? 'not a number' : 'infinite'} at step ${step} (epoch ${epoch + 1}) ` +
        `with the learning rate ${learningRate.toPrecision(3)}; ${last}. Start again with a lower learning rate`,
    )
  }
}

const beginning: Position = {
  version: 1,
  step: 0,
  epoch: 0,
  epochsWithoutGain: 0,
  seconds: 0,
  trainingSeconds: 0,
  examples: 0,
  peakRssBytes: 0,
  stoppedEarly: false,
  recentPoints: [],
}

async function pretrained({ backbone }: Prepared, name: string): Promise<Float32Array> {
  const tensor = backbone.tensors.get(name)
  if (!tensor) throw new Error(`the backbone has no tensor "${name}"`)
  return tensor.read()
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
