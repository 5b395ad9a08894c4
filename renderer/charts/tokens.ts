/** The colours and sizes that charts take from the page's CSS variables. */
export interface ChartTokens {
  text: string
  muted: string
  grid: string
  axis: string
  background: string
  fontFamily: string
  /** Value of a CSS variable by its name. */
  color: (variable: string) => string
}

/** Reads the tokens as they are in force now; read again after the theme changed. */
export function readTokens(): ChartTokens {
  const style = getComputedStyle(document.documentElement)
  const color = (variable: string) => style.getPropertyValue(variable).trim()
  return {
    text: color('--text'),
    muted: color('--text-muted'),
    grid: color('--chart-grid'),
    axis: color('--border-strong'),
    background: color('--surface'),
    fontFamily: getComputedStyle(document.body).fontFamily,
    color,
  }
}
