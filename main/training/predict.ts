import { readBest } from './checkpoint.ts'
import { floats, readBatches } from './evaluate.ts'
import { encodeTexts } from './examples.ts'
import { revealedWeights, weightsOfText } from './fusion-weights.ts'
import type { FromTrainer, PredictJob } from './messages.ts'
import { softmaxRow } from './metrics.ts'
import { prepare } from './prepare.ts'
import { taskOf } from './run-context.ts'
import { confidentGraph, mostConfident } from './selection-results.ts'
import { parseSelection, selectedVariant } from './selection.ts'
import { Tuning } from './tuning.ts'

type Predictions = Extract<FromTrainer, { type: 'predicted' }>['predictions']

/**
 * Class probabilities of texts by a run's best checkpoint, one prediction per text.
 *
 * @throws WorkbenchError `not-found` where the run has none yet, `bad-input` for a selection that it does not have
 */
export async function predict(job: PredictJob): Promise<Predictions> {
  const { config, runFolder, task } = job
  const prepared = await prepare(job)
  const tuning = new Tuning(prepared, config.training)
  try {
    const { model, tokenizer } = prepared
    const { fusion: listenedTo } = job
    const selectable = model.method.gates
      ? { kind: 'tasks' as const, names: job.tasks.map(({ name }) => name) }
      : listenedTo && { kind: 'fused' as const, fusion: listenedTo }
    const selection = parseSelection(job.active, selectable)
    const values = await readBest(runFolder, model.layout)
    const examples = encodeTexts(job.texts, tokenizer, config.training.maximumLength)
    const padId = tokenizer.padTokenId
    if (selection.kind === 'confident') {
      const graph = await confidentGraph(tuning, model, values)
      return (await mostConfident(graph, model, examples, { padId })).answers
    }
    const variant = selectedVariant(selection, task, model, values.parameters, listenedTo)
    const labels = taskOf(job, task).labels.length
    const graph = await tuning.evaluation([{ task, variant }], values)
    const weights = revealedWeights(graph)
    const predictions: Predictions = []
    const batches = readBatches(graph, examples, ['logits', ...weights], { labels: [labels], padId })
    for await (const { indices, batch, outputs } of batches) {
      indices.forEach((index, row) => {
        const scores = softmaxRow(floats(outputs, 'logits'), labels, row)
        const fusion =
          weights.length > 0
            ? { fusion: weightsOfText(outputs, batch.mask, row, prepared.adapters, variant) }
            : {}
        predictions[index] = { task, scores, ...fusion }
      })
    }
    return predictions
  } finally {
    await tuning.dispose()
    await prepared.checkpoint.close()
  }
}
