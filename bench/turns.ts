import { median } from '../main/training/metrics.ts'

/** Something whose runs are timed. */
export interface Timed {
  name: string
  /** Runs once. @param step counted from 0 */
  run(step: number): Promise<void>
}

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

/** On a shared machine a median says more about the others than about what is measured. */
export function warnIfRestless(name: string, ms: readonly number[]): void {
  const [middle, least] = [median(ms), Math.min(...ms)]
  if (middle <= 1.3 * least) return
  process.stderr.write(
    `  not quiet: ${name} took ${middle.toFixed(1)} ms in the median, ${least.toFixed(1)} at least; do not keep this ratio\n`,
  )
}
