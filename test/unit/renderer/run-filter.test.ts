import { describe, expect, it } from 'vitest'

import { parseRunFilter } from '../../../renderer/lib/run-filter.ts'
import { makeRun } from './make-run.ts'

const matches = (filter: string, patch: Parameters<typeof makeRun>[0] = {}) =>
  parseRunFilter(filter).matches(makeRun(patch))

describe('the runs filter', () => {
  it('lets everything through while it is empty', () => {
    expect(matches('')).toBe(true)
    expect(matches('   ')).toBe(true)
  })

  it('looks for free words in name, method, data, model and status', () => {
    expect(matches('trec')).toBe(true)
    expect(matches('finished seq')).toBe(true)
    expect(matches('imdb')).toBe(false)
  })

  it('keeps quoted words together', () => {
    expect(matches('"seed 1"')).toBe(true)
    expect(matches('"1 seed"')).toBe(false)
  })

  it('wants every term to hold', () => {
    expect(matches('method:seq_bn dataset:trec acc>0.85')).toBe(true)
    expect(matches('method:seq_bn dataset:trec acc>0.9')).toBe(false)
  })

  it('takes one of several values', () => {
    expect(matches('status:running,queued', { status: 'queued' })).toBe(true)
    expect(matches('status:running,queued')).toBe(false)
  })

  it('takes terms back with a minus', () => {
    expect(matches('-method:full')).toBe(true)
    expect(matches('-trec')).toBe(false)
  })

  it.each([
    ['acc>=0.89', true],
    ['acc<0.89', false],
    ['acc>88%', true],
    ['seed:1', true],
    ['seed=2', false],
    ['params<60000', true],
  ])('compares numbers: %s', (filter, expected) => {
    expect(matches(filter)).toBe(expected)
  })

  it('takes the validation accuracy where there is no test', () => {
    const running = makeRun({ status: 'running' })
    delete running.test
    expect(parseRunFilter('acc>0.895').matches(running)).toBe(true)
    expect(parseRunFilter('f1>0').matches(running)).toBe(false)
  })

  it('says what it cannot read and goes by the rest', () => {
    const filter = parseRunFilter('colour:red dataset:trec')
    expect(filter.problem).toContain('"colour"')
    expect(filter.matches(makeRun())).toBe(true)
    expect(filter.matches(makeRun({ datasetName: 'SST-2', datasetId: 'sst2' }))).toBe(false)
    expect(parseRunFilter('acc>much').problem).toContain('number')
    expect(parseRunFilter('acc>').problem).toContain('number')
  })
})
