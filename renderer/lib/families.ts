/** The families of methods in the order in which they are offered. */
import type { MethodDescription, MethodFamily } from '../../preload/contract.ts'

export const families: readonly { family: MethodFamily; label: string; summary: string }[] = [
  { family: 'adapter', label: 'Adapter', summary: 'Small layers are trained inside the frozen backbone.' },
  {
    family: 'fusion',
    label: 'Fusion',
    summary: 'Trained adapters of several tasks are weighed against each other.',
  },
  { family: 'drop', label: 'Drop', summary: 'Adapters that work when some of them are left out.' },
  {
    family: 'mam',
    label: 'Mix-And-Match and Masked',
    summary: 'Prefixes and parallel adapters together; adapters whose units are masked in training.',
  },
  { family: 'baseline', label: 'Baselines', summary: 'What adapters have to be judged against.' },
]

/** The methods of each family that has any, in the families' order. */
export function groupByFamily(
  methods: readonly MethodDescription[],
): { family: MethodFamily; label: string; summary: string; methods: MethodDescription[] }[] {
  return families
    .map((entry) => ({ ...entry, methods: methods.filter((method) => method.family === entry.family) }))
    .filter((entry) => entry.methods.length > 0)
}
