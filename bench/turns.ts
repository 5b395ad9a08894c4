import { setTimeout } from 'node:timers/promises'

import { median } from '../main/training/metrics.ts'
import type { Kind } from './graphs.ts'
import type { Side } from './side.ts'
import type { SizeName } from './sizes.ts'

/** Something whose runs are timed. */
export interface Timed {
  name: string
  /** Runs once. @param step counted from 0 */
  run(step: number): Promise<unknown>
}

/** Counted runs of one turn: enough to measure, few enough that all sides meet the same weather. */
export const runsInTurn: Readonly<Record<SizeName, number>> = { tiny: 12, mini: 6, small: 3, base: 2 }

/**
 * Milliseconds of every run. All take turns in one process, so that whatever else the machine does meets all of them
 * alike; the first run of each, which makes room for its values, is not counted.
 */
export async function takeTurns(
  sides: readonly Timed[],
  { rounds, turn }: { rounds: number; turn: number },
): Promise<Map<string, number[]>> {
  const times = new Map(sides.map(({ name }) => [name, [] as number[]]))
  for (const side of sides) await side.run(0)
  let step = 1
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of sides) {
      for (let i = 0; i < turn; i++) {
        const began = performance.now()
        await run(step + i)
        times.get(name)?.push(performance.now() - began)
      }
    }
    step += turn
  }
  return times
}

/** A live process that is measured, and what it has told so far. */
export interface LiveSide {
  name: string
  kind: Kind
  side: Side
  ms: number[]
  peakRssBytes: number
}

/** Threads of the side that ran last may spin on for a while: the rest, and an uncounted first run, keep them apart. */
export const restMs = 150

/** What is timed: how long a run takes, or how much of a processor's time, which others can take less away from. */
export const clocks = ['wall', 'processor'] as const
export type Clock = (typeof clocks)[number]

/** The same with processes of their own. */
export async function askInTurns(
  live: readonly LiveSide[],
  { rounds, turn, clock = 'wall' }: { rounds: number; turn: number; clock?: Clock },
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const each of live) {
      await setTimeout(restMs)
      const answer = await each.side.ask({ [each.kind]: turn + 1 })
      each.ms.push(...(clock === 'wall' ? answer.ms : answer.processorMs).slice(1))
      each.peakRssBytes = answer.peakRssBytes
    }
  }
  for (const { name, ms } of live) warnIfRestless(name, ms)
}

/** On a shared machine a median says more about the others than about what is measured. */
export function warnIfRestless(name: string, ms: readonly number[]): void {
  const [middle, least] = [median(ms), Math.min(...ms)]
  if (middle <= 1.3 * least) return
  process.stderr.write(
    `  not quiet: ${name} took ${middle.toFixed(1)} ms in the median, ${least.toFixed(1)} at least; do not keep this ratio\n`,
  )
}
