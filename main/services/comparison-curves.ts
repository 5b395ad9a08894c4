import type { Curve, CurveBand, Curves, CurvesInput } from '../../preload/contract.ts'
import { largestTriangles, smooth } from '../statistics/curves.ts'
import { spreadOf } from '../statistics/spread.ts'
import type { Database } from '../store/database.ts'
import { readSeries } from '../store/run-metrics.ts'
import { getRun, type RunRecord } from '../store/runs.ts'

/** A curve with all its points. */
interface WholeCurve {
  x: Float64Array
  y: Float64Array
  smoothed: Float64Array | undefined
}

/** Learning curves thinned to what a screen shows, and bands over seeds. Runs that are not there are passed over. */
export function readCurves(database: Database, input: CurvesInput): Curves {
  const whole = new Map<string, WholeCurve>()
  const key = (runId: string, name: string): string => JSON.stringify([runId, name])
  const read = (runId: string, name: string): WholeCurve | undefined => {
    const known = whole.get(key(runId, name))
    if (known !== undefined) return known
    const run = getRun(database, runId)
    const curve = run && readWhole(database, run, name, input)
    if (curve !== undefined) whole.set(key(runId, name), curve)
    return curve
  }
  const curves = input.runIds.flatMap((runId) =>
    input.names.flatMap((name): Curve[] => {
      const curve = read(runId, name)
      return curve === undefined ? [] : [{ runId, name, ...thin(curve, input.points) }]
    }),
  )
  const bands = input.bands.flatMap((runIds, band) =>
    input.names.flatMap((name): CurveBand[] => {
      const members = runIds.flatMap((runId) => read(runId, name) ?? [])
      return members.length < 2 ? [] : [{ band, name, ...bandOf(members, input.points) }]
    }),
  )
  return { curves, bands }
}

/** Undefined where the run has no such metric in the range. */
function readWhole(
  database: Database,
  run: RunRecord,
  name: string,
  { x: axis, from, to, smoothing }: CurvesInput,
): WholeCurve | undefined {
  // Zoomed by steps, the store reads only those; a moving average needs what came before as well.
  const direct = axis === 'step'
  const series = readSeries(database, run.id, name, {
    ...(direct && smoothing === 0 && from !== undefined ? { from: Math.ceil(from) } : {}),
    ...(direct && to !== undefined ? { to: Math.floor(to) } : {}),
  })
  if (series.steps.length === 0) return undefined
  const x = direct ? series.steps : positions(database, run, series.steps, axis)
  const smoothed = smoothing > 0 ? Float64Array.from(smooth([...series.values], smoothing)) : undefined
  if (from === undefined && to === undefined) return { x, y: series.values, smoothed }
  let start = 0
  let end = x.length
  while (start < end && (x[start] ?? 0) < (from ?? -Infinity)) start += 1
  while (end > start && (x[end - 1] ?? 0) > (to ?? Infinity)) end -= 1
  if (start === end) return undefined
  return {
    x: x.subarray(start, end),
    y: series.values.subarray(start, end),
    smoothed: smoothed?.subarray(start, end),
  }
}

/** Where steps lie on another axis. */
function positions(
  database: Database,
  run: RunRecord,
  steps: Float64Array,
  axis: Exclude<CurvesInput['x'], 'step'>,
): Float64Array {
  const { epochs, batchSize, batchTokens } = run.config.training
  const last = steps.at(-1) ?? 1
  if (axis === 'examples') {
    return batchTokens === undefined
      ? steps.map((step) => step * batchSize)
      : summedUpTo(steps, readSeries(database, run.id, 'train.rows', {}))
  }
  const { steps: planned = last, epochs: plannedEpochs = epochs } = run.progress ?? {}
  if (axis === 'epoch') return steps.map((step) => (step / planned) * plannedEpochs)
  return secondsAt(database, run, steps)
}

/** Seconds of training up to each step: of the steps themselves, where their speed was measured. */
function secondsAt(database: Database, run: RunRecord, steps: Float64Array): Float64Array {
  const speeds = readSeries(database, run.id, 'train.examplesPerSecond', {})
  const whole = run.seconds ?? run.progress?.seconds ?? 0
  const lastStep = run.progress?.step ?? steps.at(-1) ?? 1
  if (speeds.steps.length === 0) return steps.map((step) => (step / lastStep) * whole)
  const { batchSize, batchTokens } = run.config.training
  const counted = batchTokens === undefined ? undefined : readSeries(database, run.id, 'train.rows', {})
  const rows = new Map(counted && Array.from(counted.steps, (step, i) => [step, counted.values[i] ?? 0]))
  const seconds = speeds.values.map((speed, i) =>
    speed > 0 ? (rows.get(speeds.steps[i] ?? 0) ?? batchSize) / speed : 0,
  )
  return summedUpTo(steps, { steps: speeds.steps, values: seconds })
}

/** The sum of what a series has up to each step. */
function summedUpTo(
  steps: Float64Array,
  series: { steps: Float64Array; values: Float64Array },
): Float64Array {
  const sums = new Float64Array(steps.length)
  let sum = 0
  let at = 0
  steps.forEach((step, index) => {
    for (; at < series.steps.length && (series.steps[at] ?? 0) <= step; at++) sum += series.values[at] ?? 0
    sums[index] = sum
  })
  return sums
}

function thin({ x, y, smoothed }: WholeCurve, points: number): Omit<Curve, 'runId' | 'name'> {
  const kept = [...largestTriangles(x, y, points)]
  return {
    x: kept.map((index) => x[index] ?? 0),
    y: kept.map((index) => y[index] ?? 0),
    ...(smoothed ? { smoothed: kept.map((index) => smoothed[index] ?? 0) } : {}),
    total: x.length,
  }
}

/** Mean and spread over runs, where at least two of them are. */
function bandOf(members: readonly WholeCurve[], points: number): Omit<CurveBand, 'band' | 'name'> {
  const [first] = members.toSorted((a, b) => b.x.length - a.x.length)
  const grid = first ? [...largestTriangles(first.x, first.smoothed ?? first.y, points)] : []
  const band: Omit<CurveBand, 'band' | 'name'> = { x: [], mean: [], deviation: [] }
  const places = members.map(() => 0)
  for (const index of grid) {
    const x = first?.x[index] ?? 0
    const values = members.flatMap((member, m) => {
      const found = interpolate(member, x, places[m] ?? 0)
      if (found === undefined) return []
      places[m] = found.place
      return [found.value]
    })
    if (values.length < 2) continue
    const { mean, deviation } = spreadOf(values)
    band.x.push(x)
    band.mean.push(mean)
    band.deviation.push(deviation)
  }
  return band
}

/** @param start index at or before `x`: the last one found, as `x` only grows */
function interpolate(
  { x, y, smoothed }: WholeCurve,
  at: number,
  start: number,
): { value: number; place: number } | undefined {
  const values = smoothed ?? y
  let place = start
  while (place + 1 < x.length && (x[place + 1] ?? 0) <= at) place += 1
  const [left = 0, right = left] = [x[place], x[place + 1]]
  if (at < left || (at > left && place + 1 >= x.length)) return undefined
  const [low = 0, high = low] = [values[place], values[place + 1]]
  const share = right > left ? (at - left) / (right - left) : 0
  return { value: low + share * (high - low), place }
}
