import { WorkbenchError, type EarlierTask, type Scores } from '../../preload/contract.ts'
import type { ParameterSpec } from '../adapters/method.ts'
import { readSafetensors } from '../models/checkpoint/safetensors.ts'
import type { Backbone } from '../models/weights.ts'
import { bestPath, readBest, type TrainedValues } from './checkpoint.ts'
import { evaluate } from './evaluate.ts'
import { readExamples } from './examples.ts'
import { partOf, type LayoutEntry } from './layout.ts'
import type { EarlierRun } from './messages.ts'
import { prepare, type Prepared } from './prepare.ts'
import type { RunContext } from './run-context.ts'
import { tunedModel, type NamedTensors } from './tuned-model.ts'
import { Tuning } from './tuning.ts'

/**
 * The backbone's tensors as an earlier run left them, by name: what this run's training begins with. None where that
 * run kept the backbone frozen.
 *
 * @throws WorkbenchError `bad-input` where this run would keep a tensor frozen that the earlier one changed
 */
export async function earlierBackbone(
  earlier: EarlierRun | undefined,
  { backbone, model }: Pick<Prepared, 'backbone' | 'model'>,
): Promise<NamedTensors> {
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>()
  if (!earlier) return values
  const file = await readSafetensors(bestPath(earlier.runFolder))
  try {
    for (const [name, { shape }] of file.tensors) {
      if (!backbone.tensors.has(name)) continue
      if (!model.layout.entries.has(name)) {
        throw new WorkbenchError(
          'bad-input',
          `earlierRunId: the run “${earlier.name}” changed the backbone (“${name}”), which this run would keep as pretrained. ` +
            'Choose a method that trains it as well, such as full, or an earlier run with a frozen backbone',
        )
      }
      values.set(name, { shape, data: await file.read(name) })
    }
    return values
  } finally {
    await file.close()
  }
}

/** The backbone's tensors that a run trains, where they began and where they ended. */
interface ChangedBackbone {
  entries: readonly LayoutEntry[]
  before: ReadonlyMap<string, Float32Array>
  after: ReadonlyMap<string, Float32Array>
}

/**
 * The scores on the tasks of all runs that this one goes on from, where it began and where it ended: with the adapters
 * and heads of the earlier run as they are, on the backbone as this run found it and as it leaves it. Where this run
 * changed nothing of it, both are the same, measured once. A task that cannot be measured is told in the log, and the
 * run loses nothing else.
 *
 * @returns undefined for a run that begins with the pretrained backbone
 */
export async function remeasureEarlierTasks(
  context: RunContext,
  values: TrainedValues,
): Promise<EarlierTask[] | undefined> {
  const { job, prepared, log } = context
  const { earlier: runs = [] } = job
  const last = runs.at(-1)
  if (!last) return undefined
  const measured: EarlierTask[] = []
  let changed: ChangedBackbone | undefined
  for (const run of runs) {
    try {
      changed ??= await changedBackbone(prepared, await earlierBackbone(last, prepared), values)
      for await (const task of remeasure(context, run, run === last, changed)) {
        measured.push(task)
        log(`Task ${task.task} of “${run.name}”: ${task.split} accuracy ${percent(task)}`)
      }
    } catch (error) {
      if (!(error instanceof WorkbenchError) || error.code === 'internal') throw error
      log(`The tasks of “${run.name}” could not be measured again: ${error.message}`, 'warning')
    }
  }
  return measured
}

async function* remeasure(
  { job, breathe, log }: RunContext,
  run: EarlierRun,
  isLast: boolean,
  changed: ChangedBackbone,
): AsyncGenerator<EarlierTask> {
  const { modelFolder, cacheFolder } = job
  const { engine } = job.config
  const own = await prepare({ ...run, config: { ...run.config, engine }, modelFolder, cacheFolder })
  try {
    const { training } = run.config
    const best = await readBest(run.runFolder, own.model.layout)
    for (const [index, { name: task, labels, datasetFile }] of run.tasks.entries()) {
      if (datasetFile === undefined) {
        log(`Task ${task} of “${run.name}” is not measured again: its dataset has been removed`, 'warning')
        continue
      }
      const splits = await readExamples(datasetFile, own.tokenizer, labels, training.maximumLength)
      const split = splits.test.texts.length > 0 ? 'test' : 'validation'
      const score = async (model: Prepared, trained: TrainedValues): Promise<Scores> => {
        const tuning = new Tuning(model, training)
        try {
          const graph = await tuning.evaluation([{ task: index, variant: {} }], trained)
          const { scores } = await evaluate(graph, split, splits[split], labels, {
            padId: own.tokenizer.padTokenId,
            onBatch: () => breathe('testing'),
          })
          return scores
        } finally {
          await tuning.dispose()
        }
      }
      const isFrozen = changed.entries.length === 0
      // The last one's own parameters are what this run began with.
      const before = await score(
        ...(isFrozen || isLast ? ([own, best] as const) : onBackbone(own, best, changed, changed.before)),
      )
      const after = isFrozen ? before : await score(...onBackbone(own, best, changed, changed.after))
      yield { runId: run.runId, name: run.name, task, split, before, after }
    }
  } finally {
    await own.checkpoint.close()
  }
}

async function changedBackbone(
  { backbone, model }: { backbone: Pick<Backbone, 'tensors'>; model: Prepared['model'] },
  begun: NamedTensors,
  values: TrainedValues,
): Promise<ChangedBackbone> {
  const entries = [...model.layout.entries.values()].filter(({ name }) => backbone.tensors.has(name))
  const before = new Map<string, Float32Array>()
  for (const { name } of entries) {
    const data = begun.get(name)?.data ?? (await backbone.tensors.get(name)?.read())
    if (data) before.set(name, data)
  }
  return {
    entries,
    before,
    after: new Map(entries.map((entry) => [entry.name, partOf(values.parameters, entry)])),
  }
}

/** An earlier model with what a later run changed of the backbone at these values. */
function onBackbone(
  prepared: Prepared,
  best: TrainedValues,
  { entries }: ChangedBackbone,
  backbone: ReadonlyMap<string, Float32Array>,
): readonly [Prepared, TrainedValues] {
  const { config, method, tasks, layout, constants } = prepared.model
  const more = entries
    .filter(({ name }) => !layout.entries.has(name))
    .map(({ name, shape, group, initialization }): ParameterSpec => ({ name, shape, group, initialization }))
  const parameters = [...method.parameters, ...more]
  const model = tunedModel(config, { ...method, parameters }, tasks, { constants })
  const vector = new Float32Array(model.layout.size)
  for (const { name, offset } of model.layout.entries.values()) {
    const own = layout.entries.get(name)
    const value = backbone.get(name) ?? (own && partOf(best.parameters, own))
    if (value) vector.set(value, offset)
  }
  return [
    { ...prepared, model },
    { ...best, parameters: vector },
  ]
}

function percent({ before, after }: Pick<EarlierTask, 'before' | 'after'>): string {
  const [from, to] = [before, after].map(({ accuracy }) => `${(accuracy * 100).toFixed(1)} %`)
  return from === to ? `${to}, as before` : `${to}, ${from} before`
}
