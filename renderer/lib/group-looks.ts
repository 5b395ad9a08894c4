/** Colours, markers and dashes of compared groups: a variant looks the same on every dataset. */
import type { ComparedGroup } from '../../preload/contract.ts'
import { variantStyle, type Dash, type VariantStyle } from './variants.ts'

const dashes: Dash[] = ['solid', 'dashed', 'dotted']

/**
 * The look of each group by its id. The family gives colour and marker; further variants of the same family get its
 * other shades and dashes, twelve before one comes again.
 */
export function groupLooks(
  groups: readonly Pick<ComparedGroup, 'id' | 'name' | 'family' | 'method'>[],
): Map<string, VariantStyle> {
  const namesOf = Map.groupBy(groups, (group) => group.family)
  return new Map(
    groups.map((group) => {
      const names = [...new Set(namesOf.get(group.family)?.map(({ name }) => name))]
      const index = names.indexOf(group.name)
      const base = variantStyle(group.family, group.method)
      const shade = index % 4
      const color = shade === 0 ? base.color : `${base.color}-${shade + 1}`
      return [group.id, { ...base, color, dash: dashes[index % dashes.length] ?? 'solid' }]
    }),
  )
}
