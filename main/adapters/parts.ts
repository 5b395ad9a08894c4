import type { Value } from '../graph/index.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { BlockSite, Build, Place, Prefix, Projection } from '../models/sites.ts'

/**
 * What an adapter changes, in the pieces that compositions put together (`adapters/compose.ts`). Each piece is
 * undefined where the adapter does not sit.
 */
export interface AdapterParts {
  bottleneck?(site: BlockSite): BottleneckPart | undefined
  projection?(layer: number, projection: Projection): ProjectionPart | undefined
  prefix?(layer: number): PrefixPart | undefined
  embeddings?(build: Build, x: Value): Value
}

/** A bottleneck adapter at one site. All values are `[sequence, batch, hidden]`. */
export interface BottleneckPart {
  /** What it reads and what its own residual connection adds: the sums and norms before it. */
  before(hidden: Value, input: Value, normalize: (x: Value) => Value): { x: Value; residual: Value }
  /** @returns its output, and for fusion its up-projection alone, scaled */
  apply(build: Build, x: Value, residual: Value): { output: Value; up: Value }
  /** The sums and norms after it. @param hidden the sublayer's output as it was before any adapter */
  after(output: Value, hidden: Value, input: Value, normalize: (x: Value) => Value): Value
  /** It reads the sublayer's input instead of its output. */
  parallel: boolean
  mixesPositions: boolean
}

/** A change of one linear layer. */
export interface ProjectionPart {
  /** Whether the change is added to the layer's output or multiplies it: adapters that differ there cannot be joined. */
  mode: 'add' | 'scale'
  /**
   * @param x the layer's input
   * @param earlier the change of the adapter below it in a stack
   * @returns the change, to be combined with the layer's output
   */
  change(build: Build, x: Value, earlier: Value | undefined): Value
  mixesPositions: boolean
}

export interface PrefixPart {
  /** @param x the attention's input, which a gate reads */
  keysAndValues(build: Build, x: Value): Prefix
}

/** Both places of a block. */
export const places = ['attention', 'output'] as const satisfies readonly Place[]

/** An adapter that works in some layers only. */
export function onlyActive(parts: AdapterParts, active: (layer: number) => boolean): AdapterParts {
  const { bottleneck, projection, prefix, embeddings } = parts
  return {
    ...(bottleneck ? { bottleneck: (site) => (active(site.layer) ? bottleneck(site) : undefined) } : {}),
    ...(projection
      ? { projection: (layer, which) => (active(layer) ? projection(layer, which) : undefined) }
      : {}),
    ...(prefix ? { prefix: (layer) => (active(layer) ? prefix(layer) : undefined) } : {}),
    ...(embeddings ? { embeddings } : {}),
  }
}

/** Whether one of these adapters has a bottleneck in a layer. */
export function bottleneckSits(adapters: Iterable<AdapterParts>, layer: number): boolean {
  return [...adapters].some(({ bottleneck }) => places.some((place) => bottleneck?.({ layer, place })))
}

export function layersOf({ layers }: BackboneConfig): number[] {
  return Array.from({ length: layers }, (_, layer) => layer)
}
