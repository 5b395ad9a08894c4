import type { SplitName } from '../../preload/contract.ts'

/** The splits in their order, with the colour that stands for each. */
export const splits: { name: SplitName; label: string; color: string }[] = [
  { name: 'train', label: 'Train', color: '--split-train' },
  { name: 'validation', label: 'Validation', color: '--split-validation' },
  { name: 'test', label: 'Test', color: '--split-test' },
]
