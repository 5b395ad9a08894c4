/** How figures are written everywhere: three significant figures, grouped thousands, the unit after a space. */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** What stands where there is no figure. */
export const absent = '–'

/** A whole number with grouped thousands: `57,462`. */
export function formatCount(value: number): string {
  return grouped.format(value)
}

/**
 * Three significant figures (or as many as `digits` says); whole numbers from 1,000 up keep all their digits before
 * the point. Very small and very large numbers go to exponents: `1e-8`, `2.5e-5`.
 */
export function formatNumber(value: number, digits = 3): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size < 1e-3 || size >= 1e9)
    return value
      .toExponential(digits - 1)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e')
  if (size >= 10 ** (digits - 1)) return grouped.format(Math.round(value))
  const text = value.toPrecision(digits)
  return Number(text) >= 10 ** (digits - 1) ? grouped.format(Number(text)) : text
}

/** A setting as a person would type it: `0.001`, `0.0002`, `1e-8`. */
export function formatSetting(value: number): string {
  return String(Number(value.toPrecision(6)))
}

/** A fraction as percent without the sign, one decimal: `0.894` gives `89.4`. The header carries the `%`. */
export function formatScore(fraction: number, decimals = 1): string {
  return (fraction * 100).toFixed(decimals)
}

/** A fraction as percent with the sign and three significant figures: `1.68 %`. */
export function formatPercent(fraction: number): string {
  const percent = fraction * 100
  if (percent === 0) return '0 %'
  return `${percent >= 100 ? grouped.format(Math.round(percent)) : Number(percent.toPrecision(3))} %`
}

/** Mean and sample standard deviation; `deviation` is undefined for fewer than two values. */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number | undefined } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length < 2) return { mean, deviation: undefined }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) }
}

/** Scores of several seeds in percent with their spread: `89.4 ± 0.6`; one score stands alone. */
export function formatScores(fractions: readonly number[]): string {
  if (fractions.length === 0) return absent
  const { mean, deviation } = meanAndDeviation(fractions)
  return deviation === undefined ? formatScore(mean) : `${formatScore(mean)} ± ${formatScore(deviation)}`
}

/** Seconds as a clock: `0:42`, `12:05`, `1:02:03`; below ten seconds with one decimal and the unit, `3.4 s`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return absent
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  return formatClock(seconds)
}

/** Seconds as a clock whatever their size, for time left: `0:03`. */
export function formatClock(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return absent
  const whole = Math.round(seconds)
  const pad = (part: number) => String(part).padStart(2, '0')
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`
}

/** Bytes in decimal units with three significant figures: `12.3 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit] ?? 'B'}`
}

/** A moment as seen from `now`: `08:17` today, `yesterday 08:17`, `24 Nov 08:17`, with the year when it is another. */
export function formatMoment(iso: string, now = new Date()): string {
  const moment = new Date(iso)
  if (Number.isNaN(moment.getTime())) return absent
  const clock = `${String(moment.getHours()).padStart(2, '0')}:${String(moment.getMinutes()).padStart(2, '0')}`
  const startOfDay = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
  const days = Math.round((startOfDay(now) - startOfDay(moment)) / 86_400_000)
  if (days === 0) return clock
  if (days === 1) return `yesterday ${clock}`
  const month = moment.toLocaleString('en-US', { month: 'short' })
  const year = moment.getFullYear() === now.getFullYear() ? '' : ` ${moment.getFullYear()}`
  return `${moment.getDate()} ${month}${year} ${clock}`
}

/** The last part of a path of either kind of system. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).pop() ?? path
}

/** `one row`, `2 rows`: the count with its noun. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`
}
