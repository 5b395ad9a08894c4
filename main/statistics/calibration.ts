/** Answers of similar confidence: how sure the model was on average, and how often it was right. */
export interface CalibrationBin {
  from: number
  to: number
  count: number
  confidence: number
  accuracy: number
}

/**
 * Reliability of a classifier's confidence in bins of equal width, and its expected calibration error
 * (Guo et al. 2017): the mean distance of confidence from accuracy, weighted by the bins' sizes.
 *
 * @param confidence probability of the answer given, row by row
 * @param right whether the answer was right
 */
export function calibration(
  confidence: readonly number[],
  right: readonly boolean[],
  bins = 10,
): { bins: CalibrationBin[]; error: number } {
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }))
  confidence.forEach((value, row) => {
    const sum = sums[Math.min(bins - 1, Math.floor(value * bins))]
    if (!sum) return
    sum.count += 1
    sum.confidence += value
    sum.right += right[row] ? 1 : 0
  })
  const filled = sums.map(({ count, confidence: total, right: hits }, i) => ({
    from: i / bins,
    to: (i + 1) / bins,
    count,
    confidence: count > 0 ? total / count : 0,
    accuracy: count > 0 ? hits / count : 0,
  }))
  const error = filled.reduce(
    (sum, bin) =>
      sum + (bin.count / Math.max(1, confidence.length)) * Math.abs(bin.confidence - bin.accuracy),
    0,
  )
  return { bins: filled, error }
}
