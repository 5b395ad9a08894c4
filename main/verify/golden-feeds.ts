import { describeComposition, WorkbenchError, type Composition } from '../../preload/contract.ts'
import { collate, type Batch } from '../data/batches.ts'
import type { HostTensor } from '../engines/engine.ts'
import { encoderFeeds, scheduledFeeds, targetFeeds } from '../training/feeds.ts'
import type { TunedGraph } from '../training/graphs.ts'
import type { GoldenCase } from './golden-case.ts'
import { countedName } from './golden-heads.ts'

/** The case's batch. Its mask is as given: it may be 0 in places where a batch of ours never is. */
export function goldenBatch({ inputs, model }: GoldenCase): Batch {
  const batch = collate(
    inputs.ids.map((ids, row) => ({ ids, typeIds: inputs.typeIds[row] ?? [] })),
    model.config.padTokenId,
  )
  return { ...batch, mask: Float32Array.from(inputs.mask.flat()) }
}

/** @param step steps, or other forward passes that the library counts as such, done so far */
export function goldenFeeds(
  golden: GoldenCase,
  { scheduled, graph }: Pick<TunedGraph, 'scheduled' | 'graph'>,
  step: number,
): Record<string, HostTensor> {
  const { inputs, model, composition } = golden
  const batch = goldenBatch(golden)
  const rows = composition ? rowFeeds(composition, inputs.ids.length) : {}
  const all: Record<string, HostTensor> = {
    ...encoderFeeds(batch),
    ...scheduledFeeds(scheduled, step),
    ...rows,
  }
  model.tasks.forEach(({ name, labels }, task) => {
    all[countedName(name)] = { data: inputs.counted, shape: [batch.batch, batch.sequence] }
    Object.assign(all, targetFeeds(inputs.labels, labels, inputs.labels.length, task))
  })
  const asked = new Set(graph.inputs.map(({ name }) => name))
  return Object.fromEntries(Object.entries(all).filter(([name]) => asked.has(name)))
}

/**
 * Refuses a batch that a BatchSplit block does not split whole: a row without an adapter is no case of the library.
 *
 * @throws WorkbenchError `unsupported` where sizes are missing, or are not those of the batch
 */
export function checkBatchSizes(composition: Composition, rows: number): void {
  if (typeof composition === 'string') return
  const splits = composition.kind === 'batchSplit'
  const sizes = splits ? composition.sizes : undefined
  if (splits) {
    const fits =
      sizes?.length === composition.children.length &&
      sizes.every((size) => Number.isInteger(size) && size >= 0) &&
      sizes.reduce((total, size) => total + size, 0) === rows
    if (!fits) {
      throw new WorkbenchError(
        'unsupported',
        `${describeComposition(composition)}: ` +
          (sizes
            ? `batch_sizes ${sizes.join(', ')} do not split the ${rows} rows among ${composition.children.length} children`
            : `its batch_sizes are missing; "setup" in config.json must hold the call that makes it, with numbers`),
      )
    }
  }
  composition.children.forEach((child, i) => checkBatchSizes(child, sizes?.[i] ?? rows))
}

/** Which rows each BatchSplit block gives to which of its children: consecutive ones, by its sizes. */
function rowFeeds(composition: Composition, total: number): Record<string, HostTensor> {
  const feeds: Record<string, HostTensor> = {}
  const visit = (node: Composition, path: string, start: number): void => {
    if (typeof node === 'string') return
    let from = start
    const data = new Float32Array(total * node.children.length)
    node.children.forEach((child, i) => {
      const size = node.kind === 'batchSplit' ? (node.sizes?.[i] ?? 0) : 0
      for (let row = from; row < from + size; row++) data[row * node.children.length + i] = 1
      visit(child, `${path}${i}.`, from)
      from += size
    })
    if (node.kind === 'batchSplit') feeds[`rows:${path}`] = { data, shape: [total, node.children.length] }
  }
  visit(composition, '', 0)
  return feeds
}
