import type { LogLine, MetricPoint, RunProgress } from '../../preload/contract.ts'
import type { FromTrainer } from './messages.ts'

/** Metrics and progress go out together, this often. */
const interval = 250

/** Points that a checkpoint keeps: those of some hundred steps. */
const keptPoints = 1000

/** Gathers what a run has to say, so that fast steps do not flood the workbench. */
export class Reporter {
  private points: MetricPoint[] = []
  private recent: MetricPoint[] = []
  private progress: RunProgress | undefined
  private lastSent = 0
  private readonly send: (message: FromTrainer) => void

  constructor(send: (message: FromTrainer) => void) {
    this.send = send
  }

  metric(name: string, step: number, value: number): void {
    const point = { name, step, value }
    this.points.push(point)
    this.recent.push(point)
    if (this.recent.length > keptPoints) this.recent.shift()
  }

  /** The latest metrics, told or not. */
  latest(): MetricPoint[] {
    return [...this.recent]
  }

  log(text: string, level: LogLine['level'] = 'info'): void {
    this.flush()
    this.send({ type: 'log', level, text })
  }

  /** Says where the run stands; sent at once where the phase changes, else with the next metrics. */
  at(progress: RunProgress): void {
    const changed = progress.phase !== this.progress?.phase
    this.progress = progress
    if (changed || performance.now() - this.lastSent >= interval) this.flush()
  }

  /** Sends a message after everything that came before it. */
  tell(message: FromTrainer): void {
    this.flush()
    this.send(message)
  }

  private flush(): void {
    this.lastSent = performance.now()
    if (this.points.length > 0) this.send({ type: 'metrics', points: this.points })
    this.points = []
    if (this.progress) this.send({ type: 'progress', progress: this.progress })
    this.send({ type: 'heartbeat', rssBytes: process.memoryUsage.rss() })
  }
}
