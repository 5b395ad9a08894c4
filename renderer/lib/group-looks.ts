/** Colours, markers and dashes of compared groups: a variant looks the same on every dataset. */
import type { ComparedGroup } from '../../preload/contract.ts'
import { variantStyle, type Dash, type VariantStyle } from './variants.ts'

const dashes: Dash[] = ['solid', 'dashed', 'dotted']

/**
 * The look of each group by its id. The family gives colour and marker; further variants of the same family get its
 * other shades and dashes, twelve before one comes again. The
 * shortest name is the plainest variant and gets the family's own.
 */
export function groupLooks(
  groups: readonly Pick<ComparedGroup, 'id' | 'name' | 'family' | 'method'>[],
): Map<string, VariantStyle> {
  const namesOf = Map.groupBy(groups, (group) => group.family)
  return new Map(
    groups.map((group) => {
      const names = [...new Set(namesOf.get(group.family)?.map(({ name }) => name))].sort(
        (a, b) => a.length - b.length || a.localeCompare(b),
      )
      const index = names.indexOf(group.name)
      const base = variantStyle(group.family, group.method)
      const shade = index % 4
      const color = shade === 0 ? base.color : `${base.color}-${shade + 1}`
      return [group.id, { ...base, color, dash: dashes[index % dashes.length] ?? 'solid' }]
    }),
  )
}

/**
 * Names as charts have room for them: what all begin with is left out, up to the last ` · ` or `, `. A single name
 * stays whole.
 */
export function shortNames(names: readonly string[]): Map<string, string> {
  const [first = ''] = names
  let shared = new Set(names).size < 2 ? 0 : first.length
  for (const name of names) while (shared > 0 && !name.startsWith(first.slice(0, shared))) shared -= 1
  const common = first.slice(0, shared)
  const end = Math.max(common.lastIndexOf(' · ') + 3, common.lastIndexOf(', ') + 2)
  const cut = end > 2 ? end : 0
  return new Map(names.map((name) => [name, name.slice(cut) || name]))
}
