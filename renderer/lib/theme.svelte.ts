import { recall, remember } from './remember.ts'

export type ThemeChoice = 'system' | 'dark' | 'light'

const dark = window.matchMedia('(prefers-color-scheme: dark)')
const saved = recall('theme')

/** The chosen theme and what it comes to; charts read their colours again when `shown` changes. */
export const theme: { choice: ThemeChoice; shown: 'dark' | 'light' } = $state({
  choice: saved === 'dark' || saved === 'light' ? saved : 'system',
  shown: 'dark',
})

function apply(): void {
  theme.shown = theme.choice === 'system' ? (dark.matches ? 'dark' : 'light') : theme.choice
  document.documentElement.dataset['theme'] = theme.shown
}

export function chooseTheme(choice: ThemeChoice): void {
  theme.choice = choice
  remember('theme', choice)
  apply()
}

dark.addEventListener('change', apply)
apply()
