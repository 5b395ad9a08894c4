import type { Composition } from '../../preload/contract.ts'
import { collate } from '../data/batches.ts'
import type { HostTensor } from '../engines/engine.ts'
import { encoderFeeds, scheduledFeeds, targetFeeds } from '../training/feeds.ts'
import type { TunedGraph } from '../training/graphs.ts'
import type { GoldenCase } from './golden-case.ts'
import { countedName } from './golden-heads.ts'

/** The case's batch. Its mask is fed as given: it may be 0 in places where a batch of ours never is. */
export function goldenFeeds(
  { inputs, model, composition }: GoldenCase,
  { scheduled, graph }: TunedGraph,
  step: number,
): Record<string, HostTensor> {
  const batch = collate(
    inputs.ids.map((ids, row) => ({ ids, typeIds: inputs.typeIds[row] ?? [] })),
    model.config.padTokenId,
  )
  const rows = composition ? rowFeeds(composition, inputs.ids.length) : {}
  const all: Record<string, HostTensor> = {
    ...encoderFeeds({ ...batch, mask: Float32Array.from(inputs.mask.flat()) }),
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
