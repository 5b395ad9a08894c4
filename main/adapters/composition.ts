import {
  adaptersOf,
  type BlockKind,
  type Composition,
  type CompositionBlock,
} from '../../preload/contract.ts'

/** Blocks of one kind within a composition, itself included. */
export function blocksOf(composition: Composition, kind: BlockKind): CompositionBlock[] {
  if (typeof composition === 'string') return []
  const inner = composition.children.flatMap((child) => blocksOf(child, kind))
  return composition.kind === kind ? [composition, ...inner] : inner
}

/** The adapters after whose names a Fuse block's parameters are called: the last of each of its children. */
export function fusedNames(block: CompositionBlock): string[] {
  return block.children.flatMap((child) => adaptersOf(child).at(-1) ?? [])
}
