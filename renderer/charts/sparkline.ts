/** A sparkline as an SVG path: the whole width, the series' own range, gaps where values are not finite. */
export function sparklinePath(values: readonly number[], width: number, height: number, padding = 2): string {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return ''
  const low = Math.min(...finite)
  const range = Math.max(...finite) - low
  const across = width - 2 * padding
  const x = (index: number) =>
    padding + (values.length === 1 ? across / 2 : (index / (values.length - 1)) * across)
  const y = (value: number) =>
    padding + (height - 2 * padding) * (range === 0 ? 0.5 : 1 - (value - low) / range)
  let pen = 'M'
  return values
    .flatMap((value, index) => {
      if (!Number.isFinite(value)) {
        pen = 'M'
        return []
      }
      const step = `${pen}${round(x(index))} ${round(y(value))}`
      pen = 'L'
      return [step]
    })
    .join('')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
