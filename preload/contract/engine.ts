import { z } from 'zod'

/**
 * `float16`: the backbone's frozen matrices are stored in half precision, and products with them computed so where the
 * device can. `int8`: products with them are rounded to 8 bits, forward and backward; faster, not exact, and on
 * onnxruntime's cpu alone. Both only where the linear layers stay as pretrained.
 */
export const BackbonePrecision = z.enum(['float32', 'float16', 'int8'])
export type BackbonePrecision = z.infer<typeof BackbonePrecision>

export const EngineChoice = z
  .object({
    engine: z.enum(['auto', 'onnxruntime', 'tensorflow']).default('auto'),
    /** `auto`: the one that was fastest when the devices were measured, of this engine where it is named. */
    device: z.enum(['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml', 'tensorflow', 'wasm']).default('auto'),
    /** Threads of the engine; 0: as many as there are cores. */
    threads: z.number().int().min(0).max(256).default(0),
    /**
     * Most megabytes that the states of frozen parts may take in the cache folder, those of other runs included: what a
     * run of several epochs computes of each text below its lowest trained part is kept there. 0: nothing is kept.
     */
    cacheMegabytes: z.number().int().min(0).max(1_000_000).default(2048),
    /**
     * Where another device fails in the run (out of memory, lost by its driver): go on from the latest checkpoint on
     * onnxruntime's cpu. Else the run ends there, and can be resumed.
     */
    fallbackToCpu: z.boolean().default(false),
  })
  .strict()
export type EngineChoice = z.infer<typeof EngineChoice>

export interface RunEnvironment {
  workbench: string
  node: string
  engine: string
  engineVersion: string
  device: string
  /** Name of the card that it computes with; left out where that is the processor. */
  hardware?: string
  /** Why this engine and device. */
  deviceReason?: string
  /** What it computes with, in words, where the frozen backbone is not float32. */
  precision?: string
  /** The device that it began on, which failed; `savedStep`: of the checkpoint from which it went on. */
  failedDevice?: { engine: string; device: string; hardware?: string; savedStep: number; reason: string }
  threads: number
  processor: string
  platform: string
}
