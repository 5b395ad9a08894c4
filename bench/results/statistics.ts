export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Standard deviation of a sample; undefined of fewer than two values. */
export function deviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

/** Standard error of an accuracy that was counted on so many rows. */
export function countingError(accuracy: number, rows: number): number {
  return rows > 0 ? Math.sqrt((accuracy * (1 - accuracy)) / rows) : 0
}

/** `89.5 ± 1.0`, or `89.5` of one value; in per cent. */
export function meanAndDeviation(fractions: readonly number[]): string {
  const percents = fractions.map((fraction) => fraction * 100)
  const spread = deviation(percents)
  return `${mean(percents).toFixed(1)}${spread === undefined ? '' : ` ± ${spread.toFixed(1)}`}`
}

/** `+0.8` */
export function signed(value: number, digits = 1): string {
  const text = Math.abs(value).toFixed(digits)
  return `${value < 0 && Number(text) !== 0 ? '−' : '+'}${text}`
}
