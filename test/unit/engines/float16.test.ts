import { describe, expect, it } from 'vitest'

import { createOnnxRuntimeEngine } from '../../../main/engines/onnxruntime.ts'
import { engines } from '../../engines.ts'
import { expectReadings, readHalf, shiftOfRounding } from '../../fixtures/half-readings.ts'

/** What float32 may be off by: too little for a matrix that is not rounded to pass for one that is. */
const float32 = 1e-4

describe.each(engines)('a frozen matrix in half precision with $title', ({ engine }) => {
  it('is computed with as it is rounded, in float32', async () => {
    expect(shiftOfRounding()).toBeGreaterThan(5 * float32)
    expectReadings(await readHalf(engine, false), float32)
  })
})

describe('products in half precision', () => {
  // On the processor onnxruntime converts around them and takes most of that out again: what is tested is that the
  // graph says the right thing.
  it('are what they are in float32, up to the rounding of what goes in and comes out', async () => {
    expectReadings(await readHalf(createOnnxRuntimeEngine({ threads: 1 }), true), 0.05)
  })

  it('are none of the processor’s', () => {
    expect(createOnnxRuntimeEngine({ device: 'cpu' }).computesHalf).toBeUndefined()
  })
})
