import { readBest } from './checkpoint.ts'
import { computeLogits } from './evaluate.ts'
import { encodeTexts } from './examples.ts'
import { evaluationGraph } from './graphs.ts'
import type { PredictJob } from './messages.ts'
import { softmaxRow } from './metrics.ts'
import { prepare } from './prepare.ts'

/**
 * Class probabilities of texts by a run's best checkpoint, one row per text.
 *
 * @throws WorkbenchError `not-found` where the run has none yet
 */
export async function predict(job: PredictJob): Promise<number[][]> {
  const { config, runFolder, labels } = job
  const prepared = await prepare(config, job.modelFolder, labels, job.cacheFolder)
  try {
    const { engine, model, tokenizer, weights } = prepared
    const { graph, layout, state } = evaluationGraph(model)
    const parameters = await readBest(runFolder, layout)
    const compiled = await engine.compile(graph, { weights, state, prepack: false })
    try {
      compiled.setState('parameters', parameters)
      const examples = encodeTexts(job.texts, tokenizer, config.training.maximumLength)
      const { logits } = await computeLogits(compiled, examples, labels.length, tokenizer.padTokenId)
      return job.texts.map((_, row) => softmaxRow(logits, labels.length, row))
    } finally {
      await compiled.dispose()
    }
  } finally {
    await prepared.checkpoint.close()
  }
}
