import { join, resolve } from 'node:path'

import { WorkbenchError, type Handlers, type ParsedInputOf, type Prediction } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { getDataset, getDatasetFile } from '../store/datasets.ts'
import { listRunTasks } from '../store/run-tasks.ts'
import type { FromTrainer, PredictJob } from '../training/messages.ts'
import { jobAdapters, modelFolderOf } from './run-job.ts'
import { supervise, toError, type FinalMessage, type Supervised } from './run-supervision.ts'
import { presentCheckpoints, requireRun, runFolder, statusInWords } from './run-views.ts'
import type { SpawnTrainer } from './trainer-process.ts'

export interface PlaygroundOptions {
  home: string
  database: Database
  spawnTrainer: SpawnTrainer
  /** A trainer without a sign of life for so many milliseconds is killed. */
  silence: number
}

export interface Playground {
  handlers: Pick<Handlers, 'runs.predict'>
  /** Ends predictions that are under way; they fail as `unavailable`. */
  close(): Promise<void>
}

type PredictInput = ParsedInputOf<'runs.predict'>
/** A task by its index, and its scores in the order of its classes. */
type RawPrediction = Extract<FromTrainer, { type: 'predicted' }>['predictions'][number]

/** Tries trained runs on texts: one trainer process per request, one request at a time. */
export function createPlayground(options: PlaygroundOptions): Playground {
  const { home, database } = options
  let current: Supervised | undefined
  let last: Promise<unknown> = Promise.resolve()
  let closing = false

  function createPredictJob({ id, texts, task, active }: PredictInput): PredictJob {
    const run = requireRun(database, id)
    if (run.status === 'running' || run.status === 'queued') {
      const message = `“${run.name}” ${statusInWords(run.status)}. Wait until it is done, or pause it.`
      throw new WorkbenchError('conflict', message)
    }
    if (!presentCheckpoints(database, home, id).some((checkpoint) => checkpoint.kind === 'best')) {
      const message = `“${run.name}” has no best checkpoint to predict with: it ended before its first validation.`
      throw new WorkbenchError('conflict', message)
    }
    const tasks = listRunTasks(database, id)
    const asked = taskIndex(run.name, tasks, task)
    requireAsTrained(tasks[asked], texts)
    return {
      runId: id,
      config: run.config,
      modelFolder: modelFolderOf(database, home, run),
      // Predicting reads no rows, so a dataset that has been removed since is not missed.
      tasks: tasks.map(({ datasetId, name, labels }) => ({
        datasetId,
        name,
        datasetFile: resolve(home, getDatasetFile(database, datasetId) ?? ''),
        labels,
      })),
      adapters: jobAdapters(database, home, id),
      runFolder: runFolder(home, id),
      cacheFolder: join(home, 'cache'),
      texts,
      task: asked,
      active,
      ...(run.analysis?.fusion ? { fusion: run.analysis.fusion } : {}),
    }
  }

  /** Half a pair, or a text made a pair by a stray tabulator, would get an answer that means nothing. */
  function requireAsTrained(
    task: { name: string; datasetId: string } | undefined,
    texts: PredictInput['texts'],
  ): void {
    // Nothing is known of the texts where the dataset has been removed since.
    const kind = task === undefined ? undefined : getDataset(database, task.datasetId)?.task
    if (task === undefined || kind === undefined) return
    const pairs = kind === 'text-pair'
    const odd = texts.findIndex(({ secondText }) => (secondText !== undefined) !== pairs)
    if (odd < 0) return
    const trained = pairs ? 'pairs of texts' : 'single texts'
    const given = pairs ? 'has no second text' : 'has a second text'
    throw new WorkbenchError(
      'bad-input',
      `texts: “${task.name}” was trained on ${trained}, and number ${odd + 1} ${given}.`,
    )
  }

  async function classify(job: PredictJob): Promise<RawPrediction[]> {
    if (closing) throw closed()
    const ended = await new Promise<FinalMessage>((resolve) => {
      current = supervise({
        spawn: options.spawnTrainer,
        first: { type: 'predict', job },
        silence: options.silence,
        onMessage: () => undefined,
        onEnd: resolve,
      })
    })
    await current?.exited
    current = undefined
    if (ended.type === 'predicted') return ended.predictions
    if (ended.type === 'failed') throw toError(ended.error)
    throw new WorkbenchError('internal', 'The trainer answered another question.')
  }

  return {
    handlers: {
      async 'runs.predict'(input) {
        const job = createPredictJob(input)
        const turn = last.then(() => classify(job))
        last = turn.catch(() => undefined)
        return (await turn).map((prediction) => toPrediction(job.tasks, prediction))
      },
    },
    async close() {
      closing = true
      const { code, message } = closed()
      current?.kill({ code, message })
      await last
    },
  }
}

/** Which of a run's tasks has this name; the first where none is named. @throws WorkbenchError naming those there are */
function taskIndex(run: string, tasks: readonly { name: string }[], wanted: string | undefined): number {
  if (wanted === undefined) return 0
  const index = tasks.findIndex(({ name }) => name === wanted)
  if (index >= 0) return index
  const names = tasks.map(({ name }) => name).join(', ')
  throw new WorkbenchError('bad-input', `task: “${run}” has no task “${wanted}”; it has ${names}.`)
}

/** Scores in the order of the classes → the task's labels with their scores, the highest first. */
export function toPrediction(
  tasks: readonly { name: string; labels: readonly string[] }[],
  { task: index, scores, fusion }: RawPrediction,
): Prediction {
  const task = tasks[index]
  if (task === undefined || scores.length !== task.labels.length) {
    throw new WorkbenchError(
      'internal',
      `The trainer gave ${scores.length} scores for ${task?.labels.length ?? 'no'} labels.`,
    )
  }
  const ranked = task.labels
    .map((label, position) => ({ label, score: scores[position] ?? 0 }))
    .sort((left, right) => right.score - left.score)
  return { task: task.name, label: ranked[0]?.label ?? '', scores: ranked, ...(fusion ? { fusion } : {}) }
}

function closed(): WorkbenchError {
  return new WorkbenchError('unavailable', 'The program is closing. Ask again when it is back.')
}
