import { it } from 'vitest'

import type { Engine } from '../main/engines/engine.ts'
import { createOnnxRuntimeEngine } from '../main/engines/onnxruntime.ts'
import { createTensorFlowEngine } from '../main/engines/tensorflow.ts'
import { isComplete } from './complete.ts'

/** The engines and devices that need no GPU. */
const devices = [
  { title: 'onnxruntime on cpu', open: async () => createOnnxRuntimeEngine({ threads: 2 }) },
  { title: 'tensorflow on tensorflow', open: () => createTensorFlowEngine({ device: 'tensorflow' }) },
  { title: 'tensorflow on wasm', open: () => createTensorFlowEngine({ device: 'wasm' }) },
  { title: 'tensorflow on cpu', open: () => createTensorFlowEngine({ device: 'cpu' }) },
] as const

export interface OpenedEngine {
  title: string
  engine: Engine
}

/**
 * Every engine × device that can run here. One whose native part is not installed is left out with a line saying so,
 * and where everything is to be tested (complete.ts) its absence is a failed test.
 */
export const engines: readonly OpenedEngine[] = await openAll()

async function openAll(): Promise<OpenedEngine[]> {
  const opened: OpenedEngine[] = []
  for (const { title, open } of devices) {
    try {
      opened.push({ title, engine: await open() })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (isComplete) {
        it(`finds ${title}`, () => {
          throw new Error(reason)
        })
      } else console.warn(`left out ${title}: ${reason}`)
    }
  }
  return opened
}
