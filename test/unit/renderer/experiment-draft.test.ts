import { describe, expect, it } from 'vitest'

import {
  newVariant,
  parametersText,
  parseParameters,
  parseValues,
  plannedByVariant,
  withoutVariant,
} from '../../../renderer/lib/experiment-draft.ts'
import { actionsOf } from '../../../renderer/lib/experiment-status.ts'

describe('a sweep as it is typed', () => {
  it('has values or a range for each setting', () => {
    const text = 'training.learningRate = 0.0001 .. 0.01 log\n\nmethod.options.reduction_factor = 4, 16'
    const parameters = [
      { path: 'training.learningRate', range: { low: 0.0001, high: 0.01, scale: 'log', integer: false } },
      { path: 'method.options.reduction_factor', values: [4, 16] },
    ]
    expect(parseParameters(text)).toEqual(parameters)
    const read = parseParameters(text)
    expect(typeof read === 'string' ? read : parseParameters(parametersText(read))).toEqual(parameters)
  })

  it('tells numbers, words and yes or no apart', () => {
    expect(parseValues('1e-4, relu, true,, 2')).toEqual([0.0001, 'relu', true, 2])
  })

  it('draws whole numbers between whole numbers', () => {
    expect(parseParameters('training.batchSize = 8 .. 64')).toMatchObject([{ range: { integer: true } }])
  })

  it.each([
    ['learning rate', /is no setting/],
    ['a = 2 .. 1', /smaller number to a larger/],
    ['a = x .. 1', /smaller number to a larger/],
    ['  ', /at least one/],
  ])('refuses %j in a sentence', (text, sentence) => {
    expect(parseParameters(text)).toMatch(sentence)
  })
})

describe('variants of an experiment', () => {
  const adapter = newVariant('seq_bn', [])

  it('have names of their own', () => {
    expect(newVariant('seq_bn', [adapter]).name).toBe('seq_bn 2')
  })

  it('go with what builds on them', () => {
    const fusion = { ...newVariant('fusion', [adapter]), uses: { variant: 'seq_bn' } }
    const further = { ...newVariant('stack', []), uses: { variant: 'fusion' } }
    const head = newVariant('head', [])
    expect(withoutVariant([adapter, fusion, further, head], 'seq_bn')).toEqual([head])
    expect(withoutVariant([adapter, fusion, head], 'fusion')).toEqual([adapter, head])
  })
})

describe('a plan', () => {
  const run = (variant: string, estimatedSeconds?: number) => ({
    key: `${variant} ${estimatedSeconds ?? ''}`,
    variant,
    method: 'seq_bn',
    family: 'adapter' as const,
    modelId: 'm',
    modelName: 'm',
    datasetId: 'd',
    datasetName: 'd',
    seed: 1,
    epochs: 10,
    settings: {},
    dependsOn: [],
    ...(estimatedSeconds === undefined ? {} : { estimatedSeconds }),
  })

  it('is summed by variant; a time that is unknown for one run is unknown for all of them', () => {
    const runs = [run('a', 10), run('b', 1), run('a', 20), run('b')]
    expect(plannedByVariant({ runs })).toEqual([
      { variant: 'a', runs: 2, seconds: 30 },
      { variant: 'b', runs: 2, seconds: undefined },
    ])
  })
})

describe('what an experiment allows', () => {
  const counts = { total: 4, waiting: 0, active: 0, finished: 4, failed: 0, leftOut: 0 }

  it('depends on its state, and retrying on failures', () => {
    expect(actionsOf({ status: 'ready', counts })).toEqual(['start', 'cancel'])
    expect(actionsOf({ status: 'running', counts })).toEqual(['pause', 'cancel'])
    expect(actionsOf({ status: 'paused', counts: { ...counts, failed: 1 } })).toEqual([
      'resume',
      'retry',
      'cancel',
    ])
    expect(actionsOf({ status: 'finished', counts })).toEqual([])
    expect(actionsOf({ status: 'failed', counts: { ...counts, failed: 1 } })).toEqual(['retry'])
  })
})
