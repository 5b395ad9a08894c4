import type { ChartTokens } from '../../../renderer/charts/tokens.ts'

/** Colours that say which variable they are of. */
export const tokens: ChartTokens = {
  text: '#111',
  muted: '#777',
  grid: '#eee',
  axis: '#ccc',
  background: '#fff',
  fontFamily: 'sans-serif',
  color: (variable) => `value of ${variable}`,
}
