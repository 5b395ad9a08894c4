import type {
  ClassScore,
  ComparedGroup,
  ConfusionMatrix,
  DropCurvePoint,
  FusionWeights,
  RunAnalysis,
  ScoreInterval,
  ScoreName,
} from '../../preload/contract.ts'
import { calibration } from '../statistics/calibration.ts'
import { intervalOverSeeds, percentileInterval } from '../statistics/significance.ts'
import { boxOf, spreadOf, type Spread } from '../statistics/spread.ts'
import { rightRows, type RowAnswers } from './comparison-answers.ts'
import { contributionsOf, sequenceOf } from './comparison-analyses.ts'
import { scoreOf, type Group } from './comparison-groups.ts'

/** What is known of a group besides its runs' own records. */
export interface GroupAnswers {
  /** One for each run that kept its answers. */
  answers: RowAnswers[]
  /** The score on resamples of the rows, where all its answers are of the same rows. */
  resampled?: Float64Array
}

/** All figures of one group. */
export function groupFigures(
  { id, name, entries, settings }: Group,
  { metric, split }: { metric: ScoreName; split: 'validation' | 'test' },
  { answers, resampled }: GroupAnswers,
): ComparedGroup {
  const [first] = entries
  const runs = entries.map(({ run }) => run)
  const scored = entries.map((entry) => scoreOf(entry, split, metric))
  const analyses = runs.flatMap(({ analysis }) => analysis ?? [])
  const summed = sumConfusion(
    entries.flatMap(({ confusion }) => confusion).filter((own) => own.split === split),
  )
  const values = known(scored)
  return {
    id,
    name,
    method: first.run.method,
    family: first.run.family,
    modelId: first.run.modelId,
    modelName: first.run.modelName,
    datasetId: first.datasetId,
    datasetName: first.datasetName,
    runs: entries.map(({ run }, index) => ({
      id: run.id,
      name: run.name,
      seed: run.config.training.seed,
      status: run.status,
      ...(scored[index] === undefined ? {} : { score: scored[index] }),
    })),
    ...(values.length > 0 ? { score: scoreInterval(values, resampled) } : {}),
    ...firstKnown(runs, 'trainableParameters'),
    ...firstKnown(runs, 'backboneParameters'),
    ...spread(
      'seconds',
      runs.map(({ seconds }) => seconds),
    ),
    ...spread(
      'examplesPerSecond',
      runs.map(({ examplesPerSecond }) => examplesPerSecond),
    ),
    ...spread(
      'peakRssBytes',
      runs.map(({ peakRssBytes }) => peakRssBytes),
    ),
    ...latencyOf(analyses),
    ...spread(
      'forgetting',
      analyses.map(({ forgetting }) => (forgetting ? forgetting.after - forgetting.before : undefined)),
    ),
    ...sequenceOf(entries, metric),
    settings,
    ...dropCurveOf(analyses, metric),
    ...fusionOf(analyses, metric),
    ...contributionsOf(analyses, metric),
    ...(summed ? { confusion: summed, classScores: classScores(summed) } : {}),
    ...(answers.length > 0 ? { calibration: calibrationOf(answers) } : {}),
  }
}

function scoreInterval(values: readonly number[], resampled: Float64Array | undefined): ScoreInterval {
  const { mean, deviation, low, high } = intervalOverSeeds(values)
  const shared = { values: [...values], mean, box: boxOf(values) }
  if (values.length > 1) return { ...shared, deviation, low, high, basis: 'seeds' }
  if (resampled === undefined) return { ...shared, deviation, low, high, basis: 'none' }
  return { ...shared, deviation, ...percentileInterval(resampled), basis: 'bootstrap' }
}

function latencyOf(analyses: readonly RunAnalysis[]): Pick<ComparedGroup, 'latency'> {
  const measured = known(analyses.map(({ latency }) => latency))
  if (measured.length === 0) return {}
  return {
    latency: {
      p50: spreadOf(measured.map(({ p50 }) => p50)).mean,
      p95: spreadOf(measured.map(({ p95 }) => p95)).mean,
    },
  }
}

function dropCurveOf(analyses: readonly RunAnalysis[], metric: ScoreName): Pick<ComparedGroup, 'dropCurve'> {
  const byDropped = Map.groupBy(
    analyses.flatMap(({ dropCurve }) => dropCurve ?? []),
    ({ droppedLayers }) => droppedLayers,
  )
  if (byDropped.size === 0) return {}
  const points = [...byDropped].map(([droppedLayers, own]): DropCurvePoint => ({
    droppedLayers,
    score: spreadOf(own.map(({ scores }) => scores[metric])),
    msPerExample: spreadOf(own.map(({ msPerExample }) => msPerExample)),
  }))
  return { dropCurve: points.sort((a, b) => a.droppedLayers - b.droppedLayers) }
}

/** Means over runs that fuse as many adapters as the first; their names are the first's. */
function fusionOf(analyses: readonly RunAnalysis[], metric: ScoreName): Pick<ComparedGroup, 'fusion'> {
  const all = known(analyses.map(({ fusion }) => fusion))
  const [first] = all
  if (first === undefined) return {}
  const alike = all.filter(({ adapters }) => adapters.length === first.adapters.length)
  const byPlace = Map.groupBy(
    alike.flatMap(({ weights }) => weights),
    ({ layer, place }) => `${layer} ${place}`,
  )
  const weights = [...byPlace.values()].flatMap((own): FusionWeights[] => {
    const [one] = own
    if (one === undefined) return []
    const mean = one.weights.map((_, adapter) => spreadOf(own.map((at) => at.weights[adapter] ?? 0)).mean)
    return [{ layer: one.layer, place: one.place, weights: mean }]
  })
  const pruned = Map.groupBy(
    alike.flatMap((own) => own.pruned),
    ({ kept }) => kept,
  )
  return {
    fusion: {
      adapters: first.adapters,
      weights,
      // Runs of an older version lack the point of the whole fusion: means over other runs would not compare.
      pruned: [...pruned]
        .filter(([, own]) => own.length === alike.filter((one) => one.pruned.length > 0).length)
        .map(([kept, own]) => ({
          kept,
          score: spreadOf(own.map(({ scores }) => scores[metric])),
          ...spread(
            'msPerExample',
            own.map(({ msPerExample }) => msPerExample),
          ),
        })),
    },
  }
}

function sumConfusion(matrices: readonly ConfusionMatrix[]): ComparedGroup['confusion'] {
  const [first] = matrices
  if (first === undefined) return undefined
  const { labels } = first
  const counts = labels.map((_, actual) =>
    labels.map((__, predicted) =>
      matrices.reduce((sum, { counts: own }) => sum + (own[actual]?.[predicted] ?? 0), 0),
    ),
  )
  return { labels, counts }
}

/** Precision, recall and F1 of each class, under the definitions of scikit-learn; 0 where nothing is there to divide. */
export function classScores({ labels, counts }: NonNullable<ComparedGroup['confusion']>): ClassScore[] {
  return labels.map((label, index) => {
    const right = counts[index]?.[index] ?? 0
    const rows = (counts[index] ?? []).reduce((sum, count) => sum + count, 0)
    const predicted = counts.reduce((sum, row) => sum + (row[index] ?? 0), 0)
    return {
      label,
      rows,
      precision: predicted > 0 ? right / predicted : 0,
      recall: rows > 0 ? right / rows : 0,
      f1: rows + predicted > 0 ? (2 * right) / (rows + predicted) : 0,
    }
  })
}

function calibrationOf(answers: readonly RowAnswers[]): NonNullable<ComparedGroup['calibration']> {
  return calibration(
    answers.flatMap(({ confidence }) => [...confidence]),
    answers.flatMap(rightRows),
  )
}

function spread<Name extends string>(
  name: Name,
  values: readonly (number | undefined)[],
): { [Key in Name]?: Spread } {
  const found = known(values)
  return found.length === 0 ? {} : ({ [name]: spreadOf(found) } as { [Key in Name]: Spread })
}

function firstKnown<Name extends string>(
  items: readonly { [Key in Name]?: number | undefined }[],
  name: Name,
): { [Key in Name]?: number } {
  const [value] = known(items.map((item) => item[name]))
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: number })
}

function known<Value>(values: readonly (Value | undefined)[]): Value[] {
  return values.filter((value) => value !== undefined)
}
