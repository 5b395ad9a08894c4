import { totalmem } from 'node:os'

import type { BackbonePrecision } from '../../preload/contract.ts'
import type { Engine } from '../engines/engine.ts'
import type { BackboneConfig } from '../models/config.ts'

/** Step graphs kept where they share their weights or read them from a file that is mapped once. */
const mostGraphs = 16
/** Copies of the backbone that the graphs of a device with memory of its own may hold there together. */
const deviceBytes = 4 * 2 ** 30
/** What packed weights may take of the machine's memory. */
const packedShare = 1 / 64

/** How many graphs of steps a run keeps: one for each variant in use, as long as their weights fit. */
export function keptStepGraphs({ name, device }: Engine, parameters: number): number {
  const copies = name === 'onnxruntime' && device !== 'cpu'
  return copies ? Math.min(mostGraphs, Math.max(2, Math.floor(deviceBytes / (4 * parameters)))) : mostGraphs
}

/**
 * Whether graphs keep their frozen matrices once more in the layout that kernels like best, for forward and for backward
 * products each. Without, they read the weight file where it lies, which all graphs and runs share: a step of BERT base
 * takes 6 % longer and a quarter less memory.
 *
 * @param graphs that are kept at once
 * @param memory of the machine, in bytes
 */
export function packsWeights(
  { layers, hiddenSize, intermediateSize }: BackboneConfig,
  graphs: number,
  precision: BackbonePrecision = 'float32',
  memory = totalmem(),
): boolean {
  const weights = layers * hiddenSize * (4 * hiddenSize + 2 * intermediateSize)
  const bytes = precision === 'int8' ? 1 : 4
  return 2 * weights * bytes * graphs <= packedShare * memory
}
