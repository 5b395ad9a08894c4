/** The charts of a comparison, from what `comparison.get` answers. */
import type { ComparedGroup, Comparison, ScoreName, Spread } from '../../preload/contract.ts'
import { shortNames } from '../lib/group-looks.ts'
import type { VariantStyle } from '../lib/variants.ts'
import type { BoxChart, BoxEntry } from './boxes.ts'
import type { Heatmap } from './heatmap.ts'
import type { Band, Line, LineChart } from './lines.ts'
import { scoreLabels } from './run-curves.ts'
import type { Scatter } from './scatter.ts'

/** What all charts of a comparison have in common. */
export interface ComparedLook {
  metric: ScoreName
  looks: ReadonlyMap<string, VariantStyle>
}

export const lookOf = ({ looks }: ComparedLook, id: string) => {
  const look = looks.get(id)
  return {
    color: look?.color ?? '--text-muted',
    dash: look?.dash ?? 'solid',
    symbol: look?.marker.symbol ?? 'circle',
  }
}

/** Trained parameters, or seconds of training, against the score. */
export function costChart(
  kind: 'parameters' | 'seconds',
  groups: readonly ComparedGroup[],
  front: Comparison['pareto'][number] | undefined,
  look: ComparedLook,
): Scatter {
  return {
    title: kind === 'parameters' ? 'Parameters and score' : 'Time and score',
    x:
      kind === 'parameters'
        ? { name: 'Trained parameters', log: true }
        : { name: 'Training time', unit: 's' },
    y: { name: scoreLabels[look.metric], percent: true },
    front: front?.[kind] ?? [],
    points: groups.flatMap((group) => {
      const x = kind === 'parameters' ? group.trainableParameters : group.seconds?.mean
      if (x === undefined || group.score === undefined) return []
      const { mean: y, low, high } = group.score
      const { color, symbol } = lookOf(look, group.id)
      return [{ id: group.id, name: group.name, x, y, low, high, color, symbol }]
    }),
  }
}

/** Scores of each group's runs. */
export function spreadChart(groups: readonly ComparedGroup[], look: ComparedLook): BoxChart {
  return {
    title: 'Spread over seeds',
    value: { name: scoreLabels[look.metric], percent: true },
    entries: groups.flatMap(({ id, name, score }): BoxEntry[] => {
      if (score === undefined) return []
      const { values, mean, box, low, high } = score
      return [{ id, name, ...lookOf(look, id), values, mean, box, low, high }]
    }),
  }
}

/** How much of the backbone's own ability each group lost. */
export function forgettingChart(groups: readonly ComparedGroup[], look: ComparedLook): BoxChart {
  return {
    title: 'Forgetting',
    value: { name: 'Rise of the masked-token loss', unit: 'nats' },
    entries: groups.flatMap(({ id, name, forgetting }): BoxEntry[] =>
      forgetting === undefined
        ? []
        : [{ id, name, ...lookOf(look, id), values: forgetting.values, mean: forgetting.mean }],
    ),
  }
}

/** Quality, or time, with the adapters of the first n layers left out; the score with all of them as reference. */
export function dropChart(
  kind: 'quality' | 'time',
  groups: readonly ComparedGroup[],
  look: ComparedLook,
): LineChart {
  const curves = groups.flatMap((group) =>
    group.dropCurve === undefined ? [] : [{ group, curve: group.dropCurve }],
  )
  const spread = (point: NonNullable<ComparedGroup['dropCurve']>[number]): Spread =>
    kind === 'quality' ? point.score : point.msPerExample
  return {
    title: kind === 'quality' ? 'Quality by layers left out' : 'Time by layers left out',
    x: { name: 'Layers without adapters', whole: true, min: 0, max: 'dataMax' },
    y:
      kind === 'quality'
        ? { name: `Validation ${scoreLabels[look.metric].toLowerCase()}`, percent: true }
        : { name: 'Time of one text', unit: 'ms', min: 0 },
    lines: curves.flatMap(({ group, curve }): Line[] => {
      const { color, dash, symbol } = lookOf(look, group.id)
      return [
        {
          id: group.id,
          name: group.name,
          color,
          dash,
          symbol,
          width: 2,
          points: curve.map((point) => [point.droppedLayers, spread(point).mean] as const),
        },
      ]
    }),
    bands: curves.flatMap(({ group, curve }): Band[] => {
      if (curve.every((point) => spread(point).deviation === 0)) return []
      const points = curve.map((point) => {
        const { mean, deviation } = spread(point)
        return [point.droppedLayers, mean - deviation, mean + deviation] as const
      })
      return [{ id: `${group.id}|band`, color: lookOf(look, group.id).color, points }]
    }),
  }
}

/** `seq_bn_trec`, `seq_bn_sst` as `trec`, `sst`: what all adapters' names begin with says nothing in a chart. */
function withoutShared(names: readonly string[]): readonly string[] {
  if (names.some((name) => names.some((other) => other !== name && other.startsWith(name)))) return names
  const parts = names.map((name) => name.split(/(?<=_| · )/))
  let shared = 0
  while (
    parts.length > 1 &&
    parts.every((own) => own.length > shared + 1 && own[shared] === parts[0]?.[shared])
  )
    shared += 1
  return parts.map((own) => own.slice(shared).join(''))
}

/** Mean attention of one group's fusion: adapters across, the last layer on top as in a drawing of the model. */
export function fusionHeat({ name, fusion }: Pick<ComparedGroup, 'name' | 'fusion'>): Heatmap {
  const { adapters = [] } = fusion ?? {}
  const weights = [...(fusion?.weights ?? [])].reverse()
  const places = new Set(weights.map(({ place }) => place))
  return {
    title: `Fusion weights · ${name}`,
    x: { name: 'Adapter', labels: withoutShared(adapters) },
    y: {
      name: 'Layer',
      labels: weights.map(({ layer, place }) => (places.size > 1 ? `${layer} ${place}` : String(layer))),
    },
    value: { name: 'Mean weight', percent: true, min: 0, max: 1 },
    cells: weights.flatMap((row, y) => row.weights.map((value, x) => ({ x, y, value }))),
  }
}

/** What it costs in quality to keep only the k strongest adapters of each layer, and what it saves in time. */
export function pruningChart(
  kind: 'quality' | 'time',
  groups: readonly ComparedGroup[],
  look: ComparedLook,
): LineChart {
  return {
    title: kind === 'quality' ? 'Fusion pruned to k adapters' : 'Time of a fusion pruned to k adapters',
    x: { name: 'Adapters kept per layer', whole: true, min: 1, max: 'dataMax' },
    y:
      kind === 'quality'
        ? { name: `Validation ${scoreLabels[look.metric].toLowerCase()}`, percent: true }
        : { name: 'Time of one text', unit: 'ms', min: 0 },
    lines: groups.flatMap(({ id, name, fusion }): Line[] => {
      const pruned = [...(fusion?.pruned ?? [])].sort((a, b) => a.kept - b.kept)
      const { color, dash, symbol } = lookOf(look, id)
      const points = pruned.flatMap(({ kept, score, msPerExample }) => {
        const value = kind === 'quality' ? score : msPerExample
        return value === undefined ? [] : [[kept, value.mean] as const]
      })
      return points.length === 0 ? [] : [{ id, name, color, dash, symbol, width: 2, points }]
    }),
  }
}

/** F1 of every class (across) under every group. */
export function classHeat(groups: readonly ComparedGroup[]): Heatmap {
  const scored = groups.filter((group) => group.classScores !== undefined)
  const classes = scored[0]?.classScores ?? []
  const labels = classes.map(({ label }) => label)
  const short = shortNames(scored.map(({ name }) => name))
  const rowsOf = new Map(classes.map(({ label, rows }) => [label, rows]))
  return {
    title: 'F1 of each class',
    x: { name: 'Class (rows)', labels: labels.map((label) => `${label} (${rowsOf.get(label) ?? 0})`) },
    y: { name: 'Variant', labels: scored.map(({ name }) => short.get(name) ?? name) },
    value: { name: 'F1', percent: true, min: 0, max: 1 },
    cells: scored.flatMap((group, y) =>
      labels.flatMap((label, x) => {
        const found = group.classScores?.find((score) => score.label === label)
        return found === undefined ? [] : [{ x, y, value: found.f1 }]
      }),
    ),
  }
}

/** One group's answers by true class, each row as shares of it. */
export function confusionHeat({ name, confusion }: ComparedGroup): Heatmap {
  const { labels = [], counts = [] } = confusion ?? {}
  return {
    title: `Confusion · ${name}`,
    x: { name: 'Predicted', labels },
    y: { name: 'True class', labels },
    value: { name: 'Share of the class', percent: true, min: 0, max: 1 },
    cells: counts.flatMap((row, actual) => {
      const total = row.reduce((sum, count) => sum + count, 0)
      return row.map((count, x) => ({ x, y: actual, value: total === 0 ? 0 : count / total }))
    }),
  }
}

/** Confidence against being right; on the diagonal a group is as often right as it says. */
export function calibrationChart(groups: readonly ComparedGroup[], look: ComparedLook): LineChart {
  const lines = groups.flatMap(({ id, name, calibration }): Line[] => {
    if (calibration === undefined) return []
    const { color, dash, symbol } = lookOf(look, id)
    const points = calibration.bins
      .filter(({ count }) => count > 0)
      .map(({ confidence, accuracy }) => [confidence, accuracy] as const)
    return [
      { id, name: `${name}, error ${(calibration.error * 100).toFixed(1)}`, color, dash, symbol, points },
    ]
  })
  const diagonal: Line = {
    name: 'as often as it says',
    color: '--text-muted',
    dash: 'dotted',
    width: 1,
    quiet: true,
    points: [
      [0, 0],
      [1, 1],
    ],
  }
  return {
    title: 'Calibration',
    x: { name: 'Confidence', percent: true, min: 0, max: 1 },
    y: { name: 'Right', percent: true, min: 0, max: 1 },
    lines: lines.length === 0 ? [] : [...lines, diagonal],
  }
}

/** The mean score of every variant on every dataset. */
export function datasetHeat(groups: readonly ComparedGroup[], metric: ScoreName): Heatmap {
  const scored = groups.flatMap((group) =>
    group.score === undefined ? [] : [{ ...group, score: group.score }],
  )
  const variants = [...new Set(scored.map(({ name }) => name))]
  const datasets = [...new Map(scored.map(({ datasetId, datasetName }) => [datasetId, datasetName]))]
  const means = scored.map(({ score }) => score.mean)
  return {
    title: 'Every dataset',
    x: { name: 'Dataset', labels: datasets.map(([, name]) => name) },
    y: { name: 'Variant', labels: variants },
    value: {
      name: scoreLabels[metric],
      percent: true,
      min: Math.min(0.999, ...means),
      max: Math.max(0, ...means),
    },
    cells: scored.map(({ name, datasetId, score }) => ({
      x: datasets.findIndex(([id]) => id === datasetId),
      y: variants.indexOf(name),
      value: score.mean,
    })),
  }
}
