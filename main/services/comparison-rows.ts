import { resolve } from 'node:path'

import {
  WorkbenchError,
  type DisagreementRow,
  type Disagreements,
  type DisagreementsInput,
} from '../../preload/contract.ts'
import { readRows } from '../data/dataset-file.ts'
import type { Database } from '../store/database.ts'
import { getDatasetFile } from '../store/datasets.ts'
import { listRunTasks } from '../store/run-tasks.ts'
import type { AnswerStore, RowAnswers } from './comparison-answers.ts'
import { requireRun } from './run-views.ts'

/** Rows with what each of several runs answers. All must have answered the same rows. */
export async function findDisagreements(
  { database, home, store }: { database: Database; home: string; store: AnswerStore },
  { runIds, split, show, label, search, offset, limit }: DisagreementsInput,
): Promise<Disagreements> {
  const { datasetId, labels, tasks } = sharedDataset(database, runIds)
  const answers: RowAnswers[] = []
  for (const [index, id] of runIds.entries()) {
    const run = requireRun(database, id)
    const own = await store.read({ run, task: tasks[index] ?? 0 }, split)
    if (own === undefined) {
      throw new WorkbenchError(
        'conflict',
        `“${run.name}” has kept no answers to ${split} rows: it has not finished, has no such rows, or was trained by an older version. Leave it out, or choose the other split.`,
      )
    }
    answers.push(own)
  }
  const file = getDatasetFile(database, datasetId)
  if (file === undefined) {
    throw new WorkbenchError(
      'not-found',
      'The dataset of these runs has been removed, so their rows cannot be shown. Import it again.',
    )
  }
  const wanted = search?.toLowerCase()
  const counts = { rows: 0, allRight: 0, allWrong: 0, disagree: 0 }
  const rows: DisagreementRow[] = []
  let total = 0
  let position = -1
  for await (const { index, split: own, text, secondText, label: actual } of readRows(resolve(home, file))) {
    if (own !== split) continue
    position += 1
    const at = position
    const said = answers.map(({ classes, predicted, confidence }) => ({
      label: labels[predicted[at] ?? 0] ?? '',
      confidence: confidence[at] ?? 0,
      right: predicted[at] === classes[at],
    }))
    const kind = kindOf(said)
    counts.rows += 1
    counts[kind.outcome] += 1
    if (!kind.shownAs.includes(show)) continue
    if (label !== undefined && actual !== label) continue
    if (wanted !== undefined && !`${text} ${secondText ?? ''}`.toLowerCase().includes(wanted)) continue
    total += 1
    if (total <= offset || rows.length >= limit) continue
    rows.push({
      index,
      text,
      ...(secondText === undefined ? {} : { secondText }),
      label: actual,
      answers: said,
    })
  }
  return { total, rows, counts }
}

function kindOf(said: readonly { label: string; right: boolean }[]): {
  outcome: 'allRight' | 'allWrong' | 'disagree'
  shownAs: DisagreementsInput['show'][]
} {
  const right = said.filter((answer) => answer.right).length
  const agree = new Set(said.map((answer) => answer.label)).size === 1
  if (right === said.length) return { outcome: 'allRight', shownAs: ['all'] }
  const shown: DisagreementsInput['show'][] = ['all', 'some-wrong']
  if (!agree) shown.push('disagree')
  if (right === 0) shown.push('all-wrong')
  return { outcome: right === 0 ? 'allWrong' : 'disagree', shownAs: shown }
}

/** The dataset that all runs have a task on; the first run's own where there are several. */
function sharedDataset(
  database: Database,
  runIds: readonly string[],
): { datasetId: string; labels: string[]; tasks: number[] } {
  const perRun = runIds.map((id) => listRunTasks(database, requireRun(database, id).id))
  for (const { datasetId, datasetHash, labels } of perRun[0] ?? []) {
    const tasks = perRun.map((own) => own.findIndex((task) => task.datasetHash === datasetHash))
    if (tasks.every((task) => task >= 0)) return { datasetId, labels, tasks }
  }
  throw new WorkbenchError(
    'bad-input',
    'runIds: these runs were not trained on the same dataset, so their answers cannot be put side by side. Choose runs of one dataset.',
  )
}
