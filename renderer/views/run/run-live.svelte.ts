import type { ContractError, LogLine, MetricPoint, RunDetail } from '../../../preload/contract.ts'
import { api, errorOf } from '../../lib/api.ts'
import { appendPoints, type SeriesByName } from '../../lib/series.ts'

const mostLogLines = 2000

/**
 * Everything about one run, fetched and then followed. Points that arrive while the series are on their way wait for
 * them; charts are told at most once per frame.
 */
export function createRunLive(id: string) {
  let detail = $state.raw<RunDetail | undefined>()
  let error = $state.raw<ContractError | undefined>()
  let series = $state.raw<SeriesByName>({})
  let log = $state.raw<readonly LogLine[]>([])
  let removed = $state(false)
  let loaded = false
  let waiting: MetricPoint[] = []
  let frame = 0

  async function loadDetail(): Promise<void> {
    try {
      detail = await api.invoke('runs.get', { id })
      error = undefined
    } catch (thrown) {
      error = errorOf(thrown)
    }
  }

  function addLog(lines: readonly LogLine[]): void {
    const last = log.at(-1)?.sequence ?? -1
    const fresh = lines.filter((line) => line.sequence > last)
    if (fresh.length > 0) log = [...log, ...fresh].slice(-mostLogLines)
  }

  function apply(): void {
    frame = 0
    if (!loaded || waiting.length === 0) return
    // The series' arrays grow in place; a new outer object tells the charts.
    const next = { ...series }
    appendPoints(next, waiting)
    waiting = []
    series = next
  }

  function schedule(): void {
    if (frame === 0) frame = requestAnimationFrame(apply)
  }

  return {
    get detail() {
      return detail
    },
    get error() {
      return error
    },
    get series() {
      return series
    },
    get log() {
      return log
    },
    get removed() {
      return removed
    },
    loadDetail,
    /** Fetches all again: at first, and after a lost connection. */
    async load(): Promise<void> {
      loaded = false
      waiting = []
      await loadDetail()
      try {
        const [list, lines] = await Promise.all([
          api.invoke('runs.metrics', { id }),
          api.invoke('runs.log', { id }),
        ])
        series = Object.fromEntries(list.map((entry) => [entry.name, entry]))
        loaded = true
        addLog(lines)
        apply()
      } catch (thrown) {
        error ??= errorOf(thrown)
      }
    },
    /** Follows the run until the returned function is called. */
    follow(): () => void {
      const ends = [
        api.subscribe('run.metrics', (message) => {
          if (message.id !== id) return
          waiting.push(...message.points)
          schedule()
        }),
        api.subscribe('run.log', (message) => {
          if (message.id !== id) return
          addLog(message.lines)
          // A warning may say that the run goes on elsewhere, which only the details hold.
          if (message.lines.some(({ level }) => level !== 'info')) void loadDetail()
        }),
        api.subscribe('run.changed', (run) => {
          if (run.id !== id) return
          const statusChanged = detail?.status !== run.status
          const begins = run.progress !== undefined && detail?.environment === undefined
          if (detail !== undefined) detail = { ...detail, ...run }
          // What only the details hold (confusion, checkpoints, hashes) changes with the state; where the run computes
          // is known once it has begun.
          if (statusChanged || begins) void loadDetail()
        }),
        api.subscribe('run.removed', (message) => {
          if (message.id === id) removed = true
        }),
      ]
      return () => {
        cancelAnimationFrame(frame)
        ends.forEach((end) => end())
      }
    },
  }
}
