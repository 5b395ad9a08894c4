import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

import {
  RunConfig,
  WorkbenchError,
  type RunDetail,
  type RunQuery,
  type RunStatus,
  type RunSummary,
} from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { listCheckpoints, type CheckpointRecord } from '../store/run-checkpoints.ts'
import { getSummaries, getSummary, listSummaries, type SummaryRecord } from '../store/run-summaries.ts'
import { getRun, type RunRecord } from '../store/runs.ts'
import { taskSequence } from './task-sequence.ts'

export function runFolder(home: string, id: string): string {
  return join(home, 'runs', id)
}

/** The run's checkpoints that are still on disk, with absolute paths and the sizes found there. */
export function presentCheckpoints(database: Database, home: string, id: string): CheckpointRecord[] {
  return listCheckpoints(database, id).flatMap((checkpoint) => {
    const path = join(runFolder(home, id), checkpoint.path)
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return []
    return [{ ...checkpoint, path, bytes: found.isFile() ? found.size : checkpoint.bytes }]
  })
}

/**
 * A short hash of what a configuration chooses, but for name and seed; the options' order does not count.
 *
 * @param builtOn what stands for the adapters that it builds on, for the heads and the fusion that it begins with and for
 * the run that it goes on from: the variants that trained them, so that what each seed builds on its own is one variant;
 * default: their ids
 */
export function variantOf(
  {
    name: _name,
    adapterIds,
    headIds,
    fusionId,
    earlierRunId,
    method,
    head,
    training: { seed: _seed, ...training },
    // What happens where a device fails is none of what is computed.
    engine: { fallbackToCpu: _fallback, ...engine },
    ...rest
  }: RunConfig,
  { adapters = adapterIds, heads = headIds, fusion = fusionId, earlier = earlierRunId }: BuiltOn = {},
): string {
  const content = JSON.stringify([
    method.name,
    beyond(method.options, {}),
    // An empty list begins with as many heads as none at all.
    beyond({ ...rest, headIds: heads?.length === 0 ? undefined : heads, fusionId: fusion }, plain),
    beyond(head, plain.head),
    beyond(training, plain.training),
    beyond(engine, plain.engine),
    adapters,
    earlier,
  ])
  return createHash('sha256').update(content).digest('hex').slice(0, 16)
}

const plain = RunConfig.parse({ modelId: '-', datasetId: '-', method: { name: '-' } })

/**
 * What was chosen otherwise than it is by itself, in one order: a setting that the program had not yet when a run was
 * started makes it no other variant.
 */
function beyond(values: object, defaults: object): [string, unknown][] {
  const known = new Map<string, unknown>(Object.entries(defaults))
  return Object.entries(values)
    .filter(([key, value]) => value !== undefined && !isDeepStrictEqual(value, known.get(key)))
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

interface BuiltOn {
  adapters?: readonly string[]
  heads?: readonly string[] | undefined
  fusion?: string | undefined
  earlier?: string | undefined
}

/** @throws WorkbenchError `not-found` where there is no such run */
export function toRunSummary(database: Database, home: string, id: string): RunSummary {
  const summary = findRunSummary(database, home, id)
  if (summary === undefined) throw noSuchRun(id)
  return summary
}

export function findRunSummary(database: Database, home: string, id: string): RunSummary | undefined {
  const record = getSummary(database, id)
  return record === undefined ? undefined : completeSummary(database, home, record)
}

/** Those of these runs that are there, the newest first. */
export function findRunSummaries(database: Database, home: string, ids: readonly string[]): RunSummary[] {
  return getSummaries(database, ids).map((record) => completeSummary(database, home, record))
}

/** @throws WorkbenchError `not-found` where there is no such run */
export function requireRun(database: Database, id: string): RunRecord {
  const run = getRun(database, id)
  if (run === undefined) throw noSuchRun(id)
  return run
}

function noSuchRun(id: string): WorkbenchError {
  return new WorkbenchError(
    'not-found',
    `There is no run ${id}. It may have been removed; see the list of runs.`,
  )
}

export function listRunSummaries(database: Database, home: string, query: RunQuery): RunSummary[] {
  return listSummaries(database, query).map((record) => completeSummary(database, home, record))
}

function completeSummary(
  database: Database,
  home: string,
  { latestCheckpoint, ...record }: SummaryRecord,
): RunSummary {
  const config = record.variant === undefined ? getRun(database, record.id)?.config : undefined
  return {
    ...record,
    ...(config === undefined ? {} : { variant: variantOf(config) }),
    // Work that was set aside can always go on: from its beginning, where it had no checkpoint yet.
    resumable:
      record.status === 'paused' ||
      record.status === 'interrupted' ||
      (record.status !== 'finished' &&
        latestCheckpoint !== undefined &&
        existsSync(join(runFolder(home, record.id), latestCheckpoint))),
  }
}

export function toRunDetail(database: Database, home: string, run: RunRecord): RunDetail {
  const { backboneHashBefore, backboneHashAfter } = run
  const bothKnown = backboneHashBefore !== undefined && backboneHashAfter !== undefined
  return {
    ...toRunSummary(database, home, run.id),
    config: run.config,
    datasetHash: run.datasetHash,
    ...defined({
      environment: run.environment,
      backboneHashBefore,
      backboneHashAfter,
      backboneUnchanged: bothKnown ? backboneHashBefore === backboneHashAfter : undefined,
    }),
    confusion: run.confusion ?? [],
    tasks: run.taskResults ?? [],
    analysis: run.analysis ?? {},
    ...defined({ sequence: taskSequence(database, run) }),
    checkpoints: presentCheckpoints(database, home, run.id),
    folder: runFolder(home, run.id),
  }
}

/** The status in a sentence: “… is running”. */
export function statusInWords(status: RunStatus): string {
  return status === 'queued' ? 'waits in the queue' : status === 'failed' ? 'has failed' : `is ${status}`
}

type Defined<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> }

/** Without the fields that are undefined. */
function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Defined<Fields>
}
