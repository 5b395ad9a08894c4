/** Learning curves of compared groups, from what `comparison.curves` answers. */
import type { ComparedGroup, Curve, Curves } from '../../preload/contract.ts'
import type { CurveAxis } from '../lib/compare-state.ts'
import type { VariantStyle } from '../lib/variants.ts'
import type { Axis } from './options.ts'
import type { Band, Line, LineChart } from './lines.ts'

const axes: Record<CurveAxis, Axis> = {
  step: { name: 'Step', whole: true, max: 'dataMax' },
  epoch: { name: 'Epoch', max: 'dataMax' },
  seconds: { name: 'Time', unit: 's', max: 'dataMax' },
  examples: { name: 'Examples', whole: true, max: 'dataMax' },
}

export const curvesTitle = 'Learning curves'

/** Metrics that curves can be drawn of, in words. */
export const curveMetrics: Record<string, Axis> = {
  'train.loss': { name: 'Training loss' },
  'validation.loss': { name: 'Validation loss' },
  'validation.accuracy': { name: 'Validation accuracy', percent: true },
  'validation.macroF1': { name: 'Validation macro F1', percent: true },
  'validation.matthews': { name: 'Validation Matthews', percent: true },
  'train.learningRate': { name: 'Learning rate' },
  'train.gradientNorm': { name: 'Gradient norm' },
  'train.examplesPerSecond': { name: 'Throughput', unit: 'examples/s' },
  'system.rssBytes': { name: 'Memory of the trainer', unit: 'bytes' },
}

export interface CurveLook {
  name: string
  x: CurveAxis
  logX: boolean
  logY: boolean
  /** Single runs, or the mean of each group with its band. */
  runs: boolean
  looks: ReadonlyMap<string, VariantStyle>
}

/** The groups with more than one run, in the order of the request's `bands`. */
export function bandedGroups(groups: readonly ComparedGroup[]): ComparedGroup[] {
  return groups.filter((group) => group.runs.length > 1)
}

/** Single runs faint with their smoothed line on top, or each group's mean over seeds with a band around it. */
export function learningChart(
  { curves, bands }: Curves,
  groups: readonly ComparedGroup[],
  look: CurveLook,
): LineChart {
  const metric = curveMetrics[look.name] ?? { name: look.name }
  const banded = bandedGroups(groups)
  const styleOf = (id: string) => {
    const style = look.looks.get(id)
    return { color: style?.color ?? '--text-muted', dash: style?.dash ?? ('solid' as const) }
  }
  const single = groups.flatMap((group): Line[] => {
    const own = curves.filter((curve) => group.runs.some((run) => run.id === curve.runId))
    const isMeant = !look.runs && bands.some(({ band }) => banded[band]?.id === group.id)
    return own.flatMap((curve) => runLines(group, curve, isMeant, styleOf(group.id)))
  })
  const means = bands.flatMap(({ band, x, mean }): Line[] => {
    const group = banded[band]
    if (group === undefined || look.runs) return []
    const points = x.map((at, index) => [at, mean[index] ?? Number.NaN] as const)
    return [{ id: group.id, name: group.name, ...styleOf(group.id), width: 2.25, points }]
  })
  return {
    title: curvesTitle,
    x: { ...axes[look.x], log: look.logX },
    y: { ...metric, log: look.logY },
    lines: [...single, ...means],
    bands: bands.flatMap(({ band, x, mean, deviation }): Band[] => {
      const group = banded[band]
      if (group === undefined || look.runs) return []
      const points = x.map((at, index) => {
        const [middle = Number.NaN, spread = 0] = [mean[index], deviation[index]]
        return [at, middle - spread, middle + spread] as const
      })
      return [{ id: `${group.id}|band`, color: styleOf(group.id).color, points }]
    }),
  }
}

function runLines(
  group: ComparedGroup,
  curve: Curve,
  isMeant: boolean,
  style: Pick<Line, 'color' | 'dash'>,
): Line[] {
  const seed = group.runs.find((run) => run.id === curve.runId)?.seed
  const name = group.runs.length > 1 ? `${group.name}, seed ${seed ?? '?'}` : group.name
  const points = (values: readonly number[]) =>
    curve.x.map((x, index) => [x, values[index] ?? Number.NaN] as const)
  // Where the mean stands for the group, single runs are its background.
  if (isMeant) {
    const shown = curve.smoothed ?? curve.y
    return [
      {
        id: `${group.id}|${curve.runId}`,
        name,
        color: style.color,
        width: 1,
        opacity: 0.22,
        quiet: true,
        points: points(shown),
      },
    ]
  }
  const raw: Line = {
    id: `${group.id}|${curve.runId}|raw`,
    name: `${name}, raw`,
    color: style.color,
    width: 1,
    opacity: 0.25,
    quiet: true,
    points: points(curve.y),
  }
  const smoothed: Line = {
    id: `${group.id}|${curve.runId}`,
    name,
    ...style,
    width: 1.75,
    points: points(curve.smoothed ?? curve.y),
  }
  return curve.smoothed === undefined ? [smoothed] : [raw, smoothed]
}

/**
 * What mask prediction adds to the loss with its weight, as a share of the whole: all but the task's own loss. Smoothed
 * where the curves are; at the steps that both have.
 */
export function maskShareChart(
  { curves }: Curves,
  groups: readonly ComparedGroup[],
  looks: ReadonlyMap<string, VariantStyle>,
): LineChart {
  const values = ({ y, smoothed }: Curve) => smoothed ?? y
  return {
    title: 'Mask prediction in the joint loss',
    x: axes.step,
    y: { name: 'Share of the loss', percent: true, min: 0 },
    lines: perRun(curves, groups, looks, 'train.taskLoss', (task) => {
      const joint = curves.find(({ runId, name }) => runId === task.runId && name === 'train.loss')
      const whole = new Map(joint?.x.map((x, index) => [x, values(joint)[index]]))
      return task.x.flatMap((x, index) => {
        const [own, all] = [values(task)[index], whole.get(x)]
        return own === undefined || all === undefined || all <= 0
          ? []
          : [[x, Math.max(0, 1 - own / all)] as const]
      })
    }),
  }
}

/** How well the mask predictor tells hidden units from others. */
export function maskAccuracyChart(
  { curves }: Curves,
  groups: readonly ComparedGroup[],
  looks: ReadonlyMap<string, VariantStyle>,
): LineChart {
  return {
    title: 'Mask predictor',
    x: axes.step,
    y: { name: 'Balanced accuracy', percent: true },
    lines: perRun(curves, groups, looks, 'train.maskBalancedAccuracy', ({ x, y }) =>
      x.map((at, index) => [at, y[index] ?? Number.NaN] as const),
    ),
  }
}

function perRun(
  curves: readonly Curve[],
  groups: readonly ComparedGroup[],
  looks: ReadonlyMap<string, VariantStyle>,
  name: string,
  points: (curve: Curve) => (readonly [number, number])[],
): Line[] {
  return groups.flatMap((group) =>
    group.runs.flatMap(({ id, seed }): Line[] => {
      const curve = curves.find((entry) => entry.runId === id && entry.name === name)
      const drawn = curve === undefined ? [] : points(curve)
      if (drawn.length === 0) return []
      const style = looks.get(group.id)
      return [
        {
          id: `${group.id}|${id}`,
          name: group.runs.length > 1 ? `${group.name}, seed ${seed}` : group.name,
          color: style?.color ?? '--variant-mam',
          width: 1.25,
          points: drawn,
        },
      ]
    }),
  )
}
