import { closeSync, openSync, readSync } from 'node:fs'

import type { Tensor } from '@tensorflow/tfjs-core'

import type { Value } from '../graph/index.ts'
import type { HalfFile, WeightFile } from './engine.ts'
import type { Tfjs } from './tfjs-operations.ts'

interface Shared {
  tensor: Tensor
  users: number
}

/** Frozen weights on the device: graphs of one backbone share them, and the last one that uses a weight frees it. */
export class TfjsWeights {
  private readonly shared = new Map<string, Shared>()
  private readonly tf: Tfjs

  constructor(tf: Tfjs) {
    this.tf = tf
  }

  /**
   * @param half where weights lie that are stored in half precision: tfjs has no such tensors, and computes with their
   * values in float32
   * @throws Error naming a weight that the file lacks
   */
  take(
    values: readonly Value[],
    file: WeightFile | undefined,
    half?: HalfFile,
  ): { tensors: Map<Value, Tensor>; release: () => void } {
    const tensors = new Map<Value, Tensor>()
    if (values.length === 0) return { tensors, release: () => undefined }
    if (!file) throw new Error('the graph has frozen weights, but no weight file was given')
    const keys: string[] = []
    const release = (): void => {
      for (const key of keys.splice(0)) this.giveBack(key)
    }
    try {
      for (const value of values) {
        const place = half?.entries.has(value.name) ? half : file
        const key = `${place.path}\n${value.name}`
        let entry = this.shared.get(key)
        if (!entry) {
          entry = { tensor: this.read(place, value, place === half), users: 0 }
          this.shared.set(key, entry)
        }
        entry.users += 1
        keys.push(key)
        tensors.set(value, entry.tensor)
      }
      return { tensors, release }
    } catch (error) {
      release()
      throw error
    }
  }

  private read({ path, entries }: WeightFile, { name, shape }: Value, isHalf: boolean): Tensor {
    const entry = entries.get(name)
    if (!entry)
      throw new Error(`the graph needs the frozen weight "${name}", which the weight file does not hold`)
    const bytes = new Uint8Array(entry.byteLength)
    const descriptor = openSync(path, 'r')
    try {
      readSync(descriptor, bytes, 0, entry.byteLength, entry.offset)
    } finally {
      closeSync(descriptor)
    }
    const stored = isHalf ? new Float16Array(bytes.buffer) : new Float32Array(bytes.buffer)
    const values = stored instanceof Float32Array ? stored : new Float32Array(stored)
    return this.tf.tensor(values, shape.map(Number))
  }

  private giveBack(key: string): void {
    const entry = this.shared.get(key)
    if (!entry) return
    entry.users -= 1
    if (entry.users > 0) return
    entry.tensor.dispose()
    this.shared.delete(key)
  }
}
