/**
 * Exponential moving average without the pull to 0 that a start at 0 would bring (Adam's correction).
 *
 * @param weight of what came before, in [0, 1); 0 leaves the values as they are
 */
export function smooth(values: readonly number[], weight: number): number[] {
  let average = 0
  let kept = 1
  return values.map((value) => {
    if (!Number.isFinite(value)) return value
    average = weight * average + (1 - weight) * value
    kept *= weight
    return average / (1 - kept)
  })
}

/**
 * Indices of at most `count` points that keep a curve's look: Largest-Triangle-Three-Buckets (Steinarsson 2013).
 *
 * @param x ascending
 * @param count at least 3; first and last point are always kept
 */
export function largestTriangles(x: ArrayLike<number>, y: ArrayLike<number>, count: number): Uint32Array {
  const length = x.length
  if (length <= count || count < 3) return Uint32Array.from({ length }, (_, i) => i)
  const chosen = new Uint32Array(count)
  const width = (length - 2) / (count - 2)
  let previous = 0
  for (let bucket = 0; bucket < count - 2; bucket++) {
    const start = Math.floor(bucket * width) + 1
    const end = Math.floor((bucket + 1) * width) + 1
    const next = meanPoint(x, y, end, Math.min(length, Math.floor((bucket + 2) * width) + 1))
    let best = start
    let largest = -1
    for (let i = start; i < end; i++) {
      const area = Math.abs(
        (at(x, previous) - next.x) * (at(y, i) - at(y, previous)) -
          (at(x, previous) - at(x, i)) * (next.y - at(y, previous)),
      )
      if (area > largest) {
        largest = area
        best = i
      }
    }
    chosen[bucket + 1] = best
    previous = best
  }
  chosen[count - 1] = length - 1
  return chosen
}

function meanPoint(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  start: number,
  end: number,
): { x: number; y: number } {
  const sum = { x: 0, y: 0 }
  for (let i = start; i < end; i++) {
    sum.x += at(x, i)
    sum.y += at(y, i)
  }
  return { x: sum.x / (end - start), y: sum.y / (end - start) }
}

const at = (values: ArrayLike<number>, index: number): number => values[index] ?? 0

/**
 * Indices of the points that no other beats in both: as cheap or cheaper and as good or better, one of them strictly.
 *
 * @param cost less is better
 * @param quality more is better
 * @returns by ascending cost
 */
export function paretoFront(cost: readonly number[], quality: readonly number[]): number[] {
  const order = cost
    .map((_, i) => i)
    .sort((a, b) => at(cost, a) - at(cost, b) || at(quality, b) - at(quality, a))
  const front: number[] = []
  for (const index of order) {
    const last = front.at(-1)
    if (last === undefined || at(quality, index) > at(quality, last)) front.push(index)
    else if (at(quality, index) === at(quality, last) && at(cost, index) === at(cost, last)) front.push(index)
  }
  return front
}
