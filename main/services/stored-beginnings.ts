import { resolve } from 'node:path'

import { WorkbenchError, type DatasetDetail, type RunConfig } from '../../preload/contract.ts'
import { getAdapter, type AdapterRecord } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { getRun } from '../store/runs.ts'
import type { JobBeginning } from '../training/messages.ts'

type Setting = 'headIds' | 'fusionId'

/** What of a configuration says which stored heads and fusion its own begin with. */
type Named = Pick<RunConfig, 'headIds' | 'fusionId' | 'adapterIds'>

/**
 * The stored heads, one for each task, and the fusion that a run's own begin with.
 *
 * @param tasks how many the run trains
 * @throws WorkbenchError `not-found` for an unknown one, `bad-input` naming the setting
 */
export function findBeginnings(
  database: Database,
  { headIds = [], fusionId, adapterIds }: Named,
  tasks: number,
): { heads: AdapterRecord[]; fusion?: AdapterRecord } {
  if (headIds.length > 0 && headIds.length !== tasks) {
    throw badInput(
      `headIds: ${counted(headIds.length, 'stored head')} for ${counted(tasks, 'task')}. ` +
        'Name one for each dataset, in the order of the datasets, or none.',
    )
  }
  const heads = headIds.map((id) => findStored(database, 'headIds', id, 'head'))
  if (fusionId === undefined) return { heads }
  const fusion = findStored(database, 'fusionId', fusionId, 'fusion')
  const { adapterIds: own } = fusion
  // Which of its adapters a nested fusion weighs, and in which order, is in its text alone.
  if (fusion.method.name === 'compose') {
    throw badInput(
      `fusionId: the fusion “${fusion.name}” is part of a composition, which no run can begin with. Leave it out.`,
    )
  }
  if (own.length !== adapterIds.length || own.some((id, index) => id !== adapterIds[index])) {
    const names = own.map((id) => `“${getAdapter(database, id)?.name ?? id}”`).join(', ')
    throw badInput(
      `fusionId: the fusion “${fusion.name}” weighs ${names}, in this order. Name the same adapters as adapterIds.`,
    )
  }
  return { heads, fusion }
}

/** As a trainer takes them. */
export function jobBeginnings(database: Database, home: string, named: Named, tasks: number): JobBeginning[] {
  const { heads, fusion } = findBeginnings(database, named, tasks)
  return [
    ...heads.map(({ name, file, runId }, task): JobBeginning => {
      const head = runId === undefined ? undefined : getRun(database, runId)?.config.head
      return { kind: 'head', name, file: resolve(home, file), task, ...(head === undefined ? {} : { head }) }
    }),
    ...(fusion === undefined
      ? []
      : [
          {
            kind: 'fusion' as const,
            name: fusion.name,
            file: resolve(home, fusion.file),
            method: fusion.method,
          },
        ]),
  ]
}

/**
 * Refuses stored heads and fusions that do not fit the backbone with which the run begins, or its tasks' classes.
 *
 * @param modelHash of the backbone's tensors, as the run finds them
 * @throws WorkbenchError `bad-input`
 */
export function refuseUnfitBeginnings(
  { heads, fusion }: ReturnType<typeof findBeginnings>,
  datasets: readonly DatasetDetail[],
  modelHash: string,
): void {
  for (const stored of [...heads, ...(fusion ? [fusion] : [])]) {
    if (stored.modelHash === modelHash) continue
    throw badInput(
      `${stored.kind}${stored.kind === 'head' ? 'Ids' : 'Id'}: the ${stored.kind} “${stored.name}” was trained on the backbone ` +
        `“${stored.modelName}” (weights ${stored.modelHash.slice(0, 8)}), and the run begins with another ` +
        `(weights ${modelHash.slice(0, 8)}). Choose one of the same backbone.`,
    )
  }
  heads.forEach((head, task) => {
    const { name = '', labels = [] } = datasets[task] ?? {}
    if (head.labels.length === labels.length && head.labels.every((label, i) => label === labels[i])) return
    throw badInput(
      `headIds: the head “${head.name}” tells ${head.labels.join(', ')} apart, and the dataset “${name}” has ` +
        `${labels.join(', ')}. Choose a head of the same classes in the same order.`,
    )
  })
}

function findStored(
  database: Database,
  setting: Setting,
  id: string,
  kind: 'head' | 'fusion',
): AdapterRecord {
  const stored = getAdapter(database, id)
  if (stored === undefined) {
    throw new WorkbenchError('not-found', `${setting}: there is no stored ${kind} ${id}. See the library.`)
  }
  if (stored.kind !== kind) {
    throw badInput(
      `${setting}: “${stored.name}” is ${stored.kind === 'adapter' ? 'an' : 'a'} ${stored.kind}, and no ${kind}. Choose a stored ${kind}.`,
    )
  }
  return stored
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function badInput(message: string): WorkbenchError {
  return new WorkbenchError('bad-input', message)
}
