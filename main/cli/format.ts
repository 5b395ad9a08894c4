/** How far something is. */
export interface BarState {
  /** What goes on, with its own counts: `epoch 3/10`. Where no bar is drawn, each label is said once. */
  label: string
  /** What of it: `validating`. */
  detail?: string
  /** From 0 to 1; undefined where it is not known. */
  done: number | undefined
  secondsLeft: number | undefined
}

/** Columns padded to their widest cell; a column of numbers only (after its header) stands right. */
export function table(header: string[], rows: string[][]): string {
  const widths = header.map((name, column) =>
    rows.reduce((widest, row) => Math.max(widest, displayWidth(row[column] ?? '')), displayWidth(name)),
  )
  const isNumeric = header.map((_, column) =>
    rows.every((row) =>
      /^(?:[-+−]?[\d.,]+(?:e[-+]?\d+)?(?: ?[%a-zA-Z]+(?:\/s)?)?(?: ± [\d.,]+)?|–|)$/.test(row[column] ?? ''),
    ),
  )
  const line = (row: string[]): string =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat((widths[column] ?? 0) - displayWidth(cell))
        return isNumeric[column] === true ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd()
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

/** `name  value` lines, the values in one column. */
export function facts(entries: [string, string | undefined][]): string {
  const known = entries.filter((entry): entry is [string, string] => entry[1] !== undefined)
  const width = Math.max(...known.map(([name]) => name.length))
  return known.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}

/** A fraction as it is shown: `0.894` is `89.4 %`. */
export function percent(fraction: number | undefined): string {
  return fraction === undefined ? '–' : `${(fraction * 100).toFixed(1)} %`
}

/** A Matthews coefficient is no share: it stays between -1 and 1. */
export function score(metric: string, value: number): string {
  return metric === 'matthews' ? value.toFixed(3) : percent(value)
}

export function count(value: number | undefined): string {
  return value === undefined ? '–' : value.toLocaleString('en-US')
}

/** Three significant figures, without an exponent from 1e-3 to 1e6. */
export function figure(value: number | undefined): string {
  if (value === undefined) return '–'
  const size = Math.abs(value)
  if (size >= 100) return count(Math.round(value))
  return size !== 0 && size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)))
}

export function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? '–' : `${figure(bytes / 1e6)} MB`
}

/** `42 s`, `3:07`, `1:02:09`. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '–'
  if (seconds < 60)
    return `${seconds < 10 && !Number.isInteger(seconds) ? seconds.toFixed(1) : seconds.toFixed(0)} s`
  const whole = Math.round(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours > 0
    ? `${String(hours)}:${two(minutes)}:${two(whole % 60)}`
    : `${String(minutes)}:${two(whole % 60)}`
}

export function shorten(text: string, width: number): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`
}

/** @param columns width of the terminal; undefined: no bar is drawn, only said */
export function barText(state: BarState, columns: number | undefined): string {
  const { label, detail = '' } = state
  const done = state.done === undefined ? undefined : Math.min(Math.max(state.done, 0), 1)
  const words = detail === '' || label.endsWith(' ') ? label + detail : `${label}, ${detail}`
  const figures =
    done === undefined ? '' : ` ${(done * 100).toFixed(0).padStart(columns === undefined ? 0 : 3)} %`
  const left = state.secondsLeft === undefined ? '' : `, ${duration(Math.ceil(state.secondsLeft))} left`
  const text = words + figures + left
  if (columns === undefined) return text
  const width = Math.min(30, columns - text.length - 1)
  if (done === undefined || width < 8) return text.slice(0, columns)
  const filled = Math.round(done * width)
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${text}`
}

/** Terminal columns of a text: East Asian wide characters take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
        character,
      )
        ? 2
        : 1
  }
  return width
}
