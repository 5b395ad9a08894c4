import { z } from 'zod'

import { BackbonePrecision, EngineChoice } from './engine.ts'

/** What new runs take where nothing else is said for them. A run keeps what it was started with. */
export const ProgramSettings = z
  .object({
    engine: EngineChoice.prefault({}),
    backbonePrecision: BackbonePrecision.default('float32'),
  })
  .strict()
export type ProgramSettings = z.infer<typeof ProgramSettings>
