import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { z } from 'zod'

import { ScoreName, WorkbenchError } from '../../preload/contract.ts'
import { readSafetensors, writeSafetensors, type TensorToWrite } from '../models/checkpoint/safetensors.ts'
import { partOf, type ParameterLayout } from './layout.ts'

const Scores = z.object({ accuracy: z.number(), macroF1: z.number(), matthews: z.number(), loss: z.number() })

/** Where a run stands: with the three vectors beside it, all that is needed to go on as if nothing had happened. */
const Position = z.object({
  version: z.literal(1),
  /** Optimizer steps done. */
  step: z.number().int(),
  /** Epochs done. */
  epoch: z.number().int(),
  best: z
    .object({ epoch: z.number().int(), metric: ScoreName, value: z.number(), validation: Scores })
    .optional(),
  epochsWithoutGain: z.number().int(),
  seconds: z.number(),
  trainingSeconds: z.number(),
  examples: z.number().int(),
  peakRssBytes: z.number(),
  /** The run ended early because validation no longer improved. */
  stoppedEarly: z.boolean(),
  /** What the method counts over an epoch, as far as the present one has come: sums by the name of the value. */
  tallies: z.record(z.string(), z.array(z.number())).default({}),
  /** Steps in which each parameter was trained, in the layout's order; empty where all are in every step. */
  parameterSteps: z.array(z.number().int()).default([]),
  /** Where the loss is scaled: how it stands. */
  lossScaling: z
    .object({ scale: z.number(), steady: z.number().int(), skipped: z.number().int() })
    .optional(),
  /**
   * The latest metrics. A resumed run tells them again: the workbench may have gone away between this
   * checkpoint and hearing of them.
   */
  recentPoints: z.array(z.object({ name: z.string(), step: z.number(), value: z.number() })),
})
export type Position = z.infer<typeof Position>

/** Where every run begins. */
export const beginning: Position = {
  version: 1,
  step: 0,
  epoch: 0,
  epochsWithoutGain: 0,
  seconds: 0,
  trainingSeconds: 0,
  examples: 0,
  peakRssBytes: 0,
  stoppedEarly: false,
  tallies: {},
  parameterSteps: [],
  recentPoints: [],
}

/** What was counted so far with a step's counts. */
export function addTallies(
  sums: Position['tallies'],
  tallied: Readonly<Record<string, readonly number[]>>,
): Position['tallies'] {
  const added = Object.entries(tallied).map(([name, values]) => [
    name,
    values.map((value, i) => value + (sums[name]?.[i] ?? 0)),
  ])
  return { ...sums, ...Object.fromEntries(added) }
}

/** Trained values, and the step after which they are so. */
export interface TrainedValues {
  parameters: Float32Array
  step: number
}

/** Parameters and AdamW's moments, in the layout's order. */
export interface OptimizerVectors {
  parameters: Float32Array
  moment1: Float32Array
  moment2: Float32Array
}

export const latestPath = (runFolder: string): string => join(runFolder, 'latest.safetensors')
export const bestPath = (runFolder: string): string => join(runFolder, 'best.safetensors')

/** Writes the checkpoint to resume from; the one before stays whole until this one is. Returns its size in bytes. */
export async function writeLatest(
  runFolder: string,
  position: Position,
  layout: ParameterLayout,
  { parameters, moment1, moment2 }: OptimizerVectors,
): Promise<number> {
  const shape = [layout.size]
  return writeSafetensors(
    latestPath(runFolder),
    [
      { name: 'parameters', shape, data: parameters },
      { name: 'moment1', shape, data: moment1 },
      { name: 'moment2', shape, data: moment2 },
    ],
    { position: JSON.stringify(position), layout: describe(layout) },
  )
}

/**
 * Reads the checkpoint to resume from.
 *
 * @returns undefined where there is none yet
 * @throws WorkbenchError `conflict` where it belongs to other parameters
 */
export async function readLatest(
  runFolder: string,
  layout: ParameterLayout,
): Promise<{ position: Position; vectors: OptimizerVectors } | undefined> {
  const path = latestPath(runFolder)
  if (!existsSync(path)) return undefined
  const file = await readSafetensors(path)
  try {
    if (file.metadata['layout'] !== describe(layout)) {
      throw new WorkbenchError(
        'conflict',
        `${path} holds other parameters than this run trains; start the run anew`,
      )
    }
    const position = Position.parse(JSON.parse(file.metadata['position'] ?? 'null'))
    const vectors = {
      parameters: await file.read('parameters'),
      moment1: await file.read('moment1'),
      moment2: await file.read('moment2'),
    }
    return { position, vectors }
  } finally {
    await file.close()
  }
}

/**
 * Writes the parameters of the best epoch so far under their names in the state dict.
 *
 * @returns the size in bytes
 */
export async function writeBest(
  runFolder: string,
  layout: ParameterLayout,
  { parameters, step }: TrainedValues,
): Promise<number> {
  const tensors: TensorToWrite[] = [...layout.entries.values()].map((entry) => ({
    name: entry.name,
    shape: entry.shape,
    data: partOf(parameters, entry),
  }))
  return writeSafetensors(bestPath(runFolder), tensors, { step: String(step) })
}

/** @throws WorkbenchError `not-found` where no epoch was finished yet */
export async function readBest(runFolder: string, layout: ParameterLayout): Promise<TrainedValues> {
  const path = bestPath(runFolder)
  if (!existsSync(path)) {
    throw new WorkbenchError('not-found', `${path} is not there: the run has not finished an epoch yet`)
  }
  const file = await readSafetensors(path)
  try {
    const parameters = new Float32Array(layout.size)
    for (const { name, offset } of layout.entries.values()) parameters.set(await file.read(name), offset)
    return { parameters, step: Number(file.metadata['step'] ?? 0) }
  } finally {
    await file.close()
  }
}

/** Names and sizes in order: two layouts with the same description hold the same parameters at the same places. */
function describe(layout: ParameterLayout): string {
  return [...layout.entries.values()].map(({ name, size }) => `${name}:${size}`).join('\n')
}
