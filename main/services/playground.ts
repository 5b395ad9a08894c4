import { join } from 'node:path'

import { WorkbenchError, type Handlers } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import type { PredictJob } from '../training/messages.ts'
import { modelFolderOf } from './run-execution.ts'
import { supervise, toError, type FinalMessage, type Supervised } from './run-supervision.ts'
import { presentCheckpoints, runFolder, statusInWords } from './run-views.ts'
import { requireRun } from './runs.ts'
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

/** Tries trained runs on texts: one trainer process per request, one request at a time. */
export function createPlayground(options: PlaygroundOptions): Playground {
  const { home, database } = options
  let current: Supervised | undefined
  let last: Promise<unknown> = Promise.resolve()
  let closing = false

  function createPredictJob(id: string, texts: PredictJob['texts']): PredictJob {
    const run = requireRun(database, id)
    if (run.status === 'running' || run.status === 'queued') {
      const message = `“${run.name}” ${statusInWords(run.status)}. Wait until it is done, or pause it.`
      throw new WorkbenchError('conflict', message)
    }
    if (!presentCheckpoints(database, home, id).some((checkpoint) => checkpoint.kind === 'best')) {
      const message = `“${run.name}” has no best checkpoint to predict with: it ended before its first validation.`
      throw new WorkbenchError('conflict', message)
    }
    return {
      runId: id,
      config: run.config,
      modelFolder: modelFolderOf(database, home, run),
      labels: run.labels,
      runFolder: runFolder(home, id),
      cacheFolder: join(home, 'cache'),
      texts,
    }
  }

  async function classify(job: PredictJob): Promise<number[][]> {
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
    if (ended.type === 'predicted') return ended.scores
    if (ended.type === 'failed') throw toError(ended.error)
    throw new WorkbenchError('internal', 'The trainer answered another question.')
  }

  return {
    handlers: {
      async 'runs.predict'({ id, texts }) {
        const job = createPredictJob(id, texts)
        const turn = last.then(() => classify(job))
        last = turn.catch(() => undefined)
        return (await turn).map((scores) => toPrediction(job.labels, scores))
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

/** Scores in the order of the classes → labels with their scores, the highest first. */
export function toPrediction(
  labels: readonly string[],
  scores: readonly number[],
): { label: string; scores: { label: string; score: number }[] } {
  if (scores.length !== labels.length) {
    throw new WorkbenchError(
      'internal',
      `The trainer gave ${scores.length} scores for ${labels.length} labels.`,
    )
  }
  const ranked = labels
    .map((label, index) => ({ label, score: scores[index] ?? 0 }))
    .sort((left, right) => right.score - left.score)
  return { label: ranked[0]?.label ?? '', scores: ranked }
}

function closed(): WorkbenchError {
  return new WorkbenchError('unavailable', 'The program is closing. Ask again when it is back.')
}
