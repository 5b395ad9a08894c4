import { describe, expect, it } from 'vitest'

import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'

describe('onnxruntime', () => {
  it('says what it is', () => {
    const engine = createOnnxRuntimeEngine({ threads: 1 })
    expect(engine).toMatchObject({ name: 'onnxruntime', device: 'cpu', threads: 1 })
    expect(engine.version).toMatch(/^\d+\.\d+\.\d+$/)
  })
})
