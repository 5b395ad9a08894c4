import { barText, type BarState } from './format.ts'

/** Where a command's words go: its result to stdout, all else to stderr. */
export interface Output {
  /** The command's one result: `value` as JSON with --json, else what `screen` says. */
  result(value: unknown, screen: () => string): void
  /** A line for people. */
  log(line: string): void
  /** Show how far it is: a bar that is drawn over on a terminal, else a line now and then. */
  progress(state: BarState): void
  /** Take the bar away. */
  endProgress(): void
}

interface Stream {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
}

/** Without a terminal a line is written when the label changes, and else this often. */
const plainLineMilliseconds = 10_000

export function createOutput(
  json: boolean,
  streams: { stdout: Stream; stderr: Stream } = process,
  now: () => number = () => performance.now(),
): Output {
  const { stdout, stderr } = streams
  let drawn = false
  let lastLabel: string | undefined
  let lastLineAt = -Infinity

  const erase = (): void => {
    if (drawn) stderr.write('\r\u001b[2K')
    drawn = false
  }

  return {
    result: (value, screen) => {
      erase()
      const text = json ? JSON.stringify(value, undefined, 2) : screen()
      if (text !== '') stdout.write(`${text}\n`)
    },
    log: (line) => {
      erase()
      stderr.write(`${line}\n`)
    },
    progress: (state) => {
      if (stderr.isTTY === true) {
        erase()
        stderr.write(barText(state, (stderr.columns ?? 80) - 1))
        drawn = true
      } else if (state.label !== lastLabel || now() - lastLineAt >= plainLineMilliseconds) {
        lastLabel = state.label
        lastLineAt = now()
        stderr.write(`${barText(state, undefined)}\n`)
      }
    },
    endProgress: () => {
      erase()
      lastLabel = undefined
      lastLineAt = -Infinity
    },
  }
}
