import { WorkbenchError, type EarlierTask } from '../../preload/contract.ts'
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

/**
 * The score of the earlier run's task before this run and after it: with the adapters and head of the earlier run as
 * they are, on the backbone as this run leaves it. Where this run changed nothing of it, both are the same.
 */
export async function remeasureEarlierTask(
  { job, prepared: later, breathe }: RunContext,
  values: TrainedValues,
): Promise<EarlierTask | undefined> {
  const { earlier, modelFolder, cacheFolder } = job
  const [task] = earlier?.tasks ?? []
  if (!earlier || !task) return undefined
  const { engine } = job.config
  const prepared = await prepare({
    ...earlier,
    config: { ...earlier.config, engine },
    modelFolder,
    cacheFolder,
  })
  try {
    const { training } = earlier.config
    const splits = await readExamples(
      task.datasetFile,
      prepared.tokenizer,
      task.labels,
      training.maximumLength,
    )
    const split = splits.test.texts.length > 0 ? 'test' : 'validation'
    const score = async (own: Prepared, trained: TrainedValues) => {
      const tuning = new Tuning(own, training)
      try {
        const graph = await tuning.evaluation([{ task: 0, variant: {} }], trained)
        const { scores } = await evaluate(graph, split, splits[split], task.labels, {
          padId: own.tokenizer.padTokenId,
          onBatch: () => breathe('testing'),
        })
        return scores
      } finally {
        await tuning.dispose()
      }
    }
    const best = await readBest(earlier.runFolder, prepared.model.layout)
    const before = await score(prepared, best)
    const changed = backboneEntries(later)
    const after =
      changed.length === 0 ? before : await score(...onLaterBackbone(prepared, best, changed, values))
    return { runId: earlier.runId, name: earlier.name, task: task.name, split, before, after }
  } finally {
    await prepared.checkpoint.close()
  }
}

/** What a run trains of the backbone. */
function backboneEntries({
  backbone,
  model,
}: {
  backbone: Pick<Backbone, 'tensors'>
  model: Prepared['model']
}): LayoutEntry[] {
  return [...model.layout.entries.values()].filter(({ name }) => backbone.tensors.has(name))
}

/** The earlier model, with all that the later run changed of the backbone as the later run left it. */
function onLaterBackbone(
  prepared: Prepared,
  best: TrainedValues,
  changed: readonly LayoutEntry[],
  later: TrainedValues,
): [Prepared, TrainedValues] {
  const { config, method, tasks, layout, constants } = prepared.model
  const more = changed
    .filter(({ name }) => !layout.entries.has(name))
    .map(({ name, shape, group, initialization }): ParameterSpec => ({ name, shape, group, initialization }))
  const parameters = [...method.parameters, ...more]
  const model = tunedModel(config, { ...method, parameters }, tasks, { constants })
  const vector = new Float32Array(model.layout.size)
  for (const entry of model.layout.entries.values()) {
    const laterEntry = changed.find(({ name }) => name === entry.name)
    const own = layout.entries.get(entry.name)
    if (laterEntry) vector.set(partOf(later.parameters, laterEntry), entry.offset)
    else if (own) vector.set(partOf(best.parameters, own), entry.offset)
  }
  return [
    { ...prepared, model },
    { ...best, parameters: vector },
  ]
}
