import type { PartContributions } from '../../preload/contract.ts'
import type { TrainedValues } from './checkpoint.ts'
import { contributionName } from './contribution-graph.ts'
import { readBatches } from './evaluate.ts'
import { evaluateTasks, overall, type RunContext, type TaskEvaluation } from './run-context.ts'

/**
 * What each part of a united method (the prefix and the adapter of Mix-And-Match, the members of a union) changes in
 * every layer, and what is left of the scores with some of them switched off.
 *
 * @param validation the whole method on the validation rows
 * @returns undefined for a method that is one part
 */
export async function measureContributions(
  context: RunContext,
  values: TrainedValues,
  validation: readonly TaskEvaluation[],
): Promise<PartContributions | undefined> {
  const { united: parts = [] } = context.prepared.model.method
  if (parts.length < 2) return undefined
  const ablations: PartContributions['ablations'] = [{ without: [], scores: overall(validation) }]
  for (const without of [...parts.map((part) => [part]), [...parts]]) {
    context.at('validating')
    const evaluations = await evaluateTasks(context, 'validation', values, () => ({ without }))
    ablations.push({ without, scores: overall(evaluations) })
  }
  return { parts: [...parts], changes: await meanChanges(context, values, parts.length), ablations }
}

/** `[layers][parts]`, over the tokens of the validation rows. */
async function meanChanges(
  { prepared, tuning, examples, at, breathe }: RunContext,
  values: TrainedValues,
  parts: number,
): Promise<number[][]> {
  const { config, tasks } = prepared.model
  const sums = Array.from({ length: config.layers }, () => new Array<number>(parts).fill(0))
  const names = sums.map((row, layer) => row.map((_, part) => `revealed.${contributionName(layer, part)}`))
  let tokens = 0
  for (const [task, { validation }] of examples.entries()) {
    at('validating')
    const graph = await tuning.evaluation([{ task, variant: {} }], values, { contributions: true })
    const options = {
      labels: [tasks[task]?.labels ?? 0],
      padId: prepared.tokenizer.padTokenId,
      onBatch: () => breathe('validating'),
    }
    for await (const { batch, outputs } of readBatches(graph, validation, names.flat(), options)) {
      tokens += batch.mask.reduce((sum, real) => sum + real, 0)
      sums.forEach((row, layer) => {
        for (let part = 0; part < parts; part++) {
          row[part] = (row[part] ?? 0) + Number(outputs[names[layer]?.[part] ?? '']?.data[0])
        }
      })
    }
  }
  return sums.map((row) => row.map((sum) => sum / tokens))
}
