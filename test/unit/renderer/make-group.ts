import type { ComparedGroup, Comparison, ScoreInterval } from '../../../preload/contract.ts'

/** The score of runs with these values, whose interval is half a point to each side. */
export function makeScore(...values: number[]): ScoreInterval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? mean
  return {
    values,
    mean,
    deviation: 0.01,
    low: mean - 0.005,
    high: mean + 0.005,
    basis: 'seeds',
    box: {
      minimum: at(0),
      lowerQuartile: at(0.25),
      median: at(0.5),
      upperQuartile: at(0.75),
      maximum: at(1),
    },
  }
}

/** A compared group, changed where a test needs it otherwise. */
export function makeGroup(patch: Partial<ComparedGroup> & { id: string }): ComparedGroup {
  return {
    name: patch.id,
    method: 'seq_bn',
    family: 'adapter',
    modelId: 'starter',
    modelName: 'starter',
    datasetId: 'trec',
    datasetName: 'TREC',
    runs: [{ id: `${patch.id}-1`, name: `${patch.id} 1`, seed: 1, status: 'finished' }],
    settings: {},
    ...patch,
  }
}

export function makeComparison(groups: ComparedGroup[], patch: Partial<Comparison> = {}): Comparison {
  return {
    metric: 'accuracy',
    split: 'test',
    groups,
    pairs: [],
    untested: [],
    pareto: [],
    answers: [],
    missing: [],
    ...patch,
  }
}
