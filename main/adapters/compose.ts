import { adaptersOf, describeComposition, WorkbenchError, type Composition } from '../../preload/contract.ts'
import { add, multiply, reshape, type Value } from '../graph/index.ts'
import type { Build, Prefix, Sites } from '../models/sites.ts'
import { fusedNames } from './composition.ts'
import { foldComposition, type Fold, type FoldOptions } from './fold.ts'
import type { ParameterSpec, PreparedMethod } from './method.ts'
import { bottleneckSits, onlyActive, places, type AdapterParts } from './parts.ts'
import { present } from './present.ts'

/** How the outputs of fused adapters become one: by attention, or otherwise weighted (`adapters/fusion.ts`). */
export type FuseOutputs = (build: Build, site: FusedSite) => Value

/** What a fusion is given at one site, `[sequence, batch, hidden]` each. */
export interface FusedSite {
  layer: number
  place: 'attention' | 'output'
  /** The sublayer's output, before any norm. */
  hidden: Value
  /** What the last adapter reads. */
  x: Value
  /** The last adapter's own residual connection. */
  residual: Value
  parallel: boolean
  /** The up-projections of those adapters that sit here, and their names. */
  ups: readonly { name: string; up: Value }[]
}

export interface ComposeOptions extends FoldOptions {
  adapters: ReadonlyMap<string, AdapterParts>
  /** How each Fuse block fuses, by its adapters' names (`fusedNames`) joined with commas. */
  fusions?: ReadonlyMap<string, FuseOutputs>
  /**
   * Pads the shorter prefixes of a Parallel or BatchSplit block to the longest with vectors of this number, which are
   * attended to, as the adapters library does (verify only).
   */
  paddedPrefixes?: number
}

/** The sites of several adapters that work together. */
export function composedSites(build: Build, composition: Composition, options: ComposeOptions): Sites {
  const names = adaptersOf(composition)
  const parts = names.flatMap((name) => {
    const found = options.adapters.get(name)
    if (!found) throw new Error(`the composition names an adapter "${name}" that is not there`)
    return [found]
  })
  const partsOf = (name: string): AdapterParts => options.adapters.get(name) ?? {}
  const somewhere = (test: (adapter: AdapterParts) => boolean | undefined): boolean =>
    parts.some((p) => test(p) === true)

  return {
    embeddings: (x) => parts[0]?.embeddings?.(build, x) ?? x,
    join(site, hidden, input, normalize) {
      const at = (name: string) => partsOf(name).bottleneck?.(site)
      if (!names.some(at)) return undefined
      const part = (name: string) => present(at(name), name)
      const fold: Fold<BottleneckState> = {
        has: (name) => at(name) !== undefined,
        before: (name, state) => ({ ...state, ...part(name).before(state.x, input, normalize) }),
        single(name, state) {
          const { output, up } = part(name).apply(build, state.x, state.residual)
          return { ...state, x: output, up, last: name }
        },
        fuse(block, children, entered, state) {
          const last = present(adaptersOf(block).filter(at).at(-1), 'the last')
          const fuse = options.fusions?.get(fusedNames(block).join(','))
          if (!fuse) throw new Error(`${describeComposition(block)} has no fusion`)
          const ups = children.flatMap(({ name, state: { up } }) => (up ? [{ name, up }] : []))
          const { x, residual } = entered
          const fused = fuse(build, {
            ...site,
            hidden: state.x,
            x,
            residual,
            parallel: part(last).parallel,
            ups,
          })
          return { ...entered, x: fused, up: undefined, last }
        },
        average: (states, weights) => ({
          ...present(states[0], 'the first'),
          x: weightedSum(
            states.map(({ x }) => x),
            weights,
          ),
          last: states.at(-1)?.last,
        }),
        select: (states, rows) => ({
          ...present(states[0], 'the first'),
          x: selectRows(
            states.map(({ x }) => x),
            rows,
          ),
          last: states.at(-1)?.last,
        }),
        endWith: (state, last) => ({ ...state, last }),
      }
      const begin: BottleneckState = { x: hidden, residual: input, up: undefined, last: undefined }
      const { x, last } = foldComposition(build, composition, begin, fold, options)
      // An adapter that is not the branch's own may still be the one whose sums and norms come last.
      return part(last ?? present(names.find(at), 'any')).after(x, hidden, input, normalize)
    },
    project(layer, projection, x, y) {
      const at = (name: string) => partsOf(name).projection?.(layer, projection)
      if (!names.some(at)) return undefined
      const alike = (joined: readonly (string | undefined)[]): void => {
        const [one, ...others] = joined.filter((name) => name !== undefined)
        const other = others.find((name) => one !== undefined && at(name)?.mode !== at(one)?.mode)
        if (other !== undefined) {
          throw new WorkbenchError(
            'bad-input',
            `"${one}" and "${other}" cannot be combined: of the same linear layers one adds to the output and the other multiplies it`,
          )
        }
      }
      const fold: Fold<ProjectionState> = {
        has: (name) => at(name) !== undefined,
        before: (_, state) => state,
        single(name, { change, last }) {
          alike([last, name])
          return { change: present(at(name), name).change(build, x, change), last: name }
        },
        average(states, weights) {
          alike(states.map(({ last }) => last))
          const changes = states.flatMap(({ change }) => (change ? [change] : []))
          return { change: weightedSum(changes, weights), last: states.at(-1)?.last }
        },
        select(states, rows) {
          alike(states.map(({ last }) => last))
          const changes = states.map(({ change }) => change)
          return { change: selectRows(changes, rows), last: states.at(-1)?.last }
        },
      }
      const { change, last } = foldComposition(
        build,
        composition,
        { change: undefined, last: undefined },
        fold,
        options,
      )
      if (change === undefined || last === undefined) return undefined
      return present(at(last), last).mode === 'add' ? add(y, change) : multiply(y, change)
    },
    prefix(layer, x) {
      const at = (name: string) => partsOf(name).prefix?.(layer)
      if (!names.some(at)) return []
      const fold: Fold<PrefixState> = {
        has: (name) => at(name) !== undefined,
        before: (_, state) => state,
        single: (name, state) => ({
          prefixes: [present(at(name), name).keysAndValues(build, x), ...state.prefixes],
        }),
        alongside: (own, all) => ({ prefixes: padded(build, own, all, options.paddedPrefixes) }),
        select: (states, rows) => ({
          prefixes: states.flatMap((own, i) =>
            padded(build, own, states, options.paddedPrefixes).map((prefix) => ({
              ...prefix,
              mask: maskRows(prefix, present(rows[i], 'a part')),
            })),
          ),
        }),
      }
      return foldComposition(build, composition, { prefixes: [] }, fold, options).prefixes
    },
    mixesPositions: (layer) =>
      somewhere(
        (adapter) =>
          places.some((place) => adapter.bottleneck?.({ layer, place })?.mixesPositions) ||
          (['query', 'intermediate', 'output'] as const).some(
            (projection) => adapter.projection?.(layer, projection)?.mixesPositions,
          ),
      ),
    changesKeys: (layer) =>
      somewhere(
        (adapter) =>
          adapter.prefix?.(layer) !== undefined ||
          adapter.projection?.(layer, 'key') !== undefined ||
          adapter.projection?.(layer, 'value') !== undefined,
      ),
  }
}

interface BottleneckState {
  x: Value
  residual: Value
  up: Value | undefined
  /** The adapter that came last, whose sums and norms end the sublayer. */
  last: string | undefined
}

interface ProjectionState {
  change: Value | undefined
  last: string | undefined
}

interface PrefixState {
  prefixes: readonly Prefix[]
}

function weightedSum(values: readonly Value[], weights: readonly number[]): Value {
  return values.map((value, i) => multiply(value, weights[i] ?? 0)).reduce((sum, value) => add(sum, value))
}

/** Each example's own of several values. @param rows for each value `[batch, 1]`, 1 for its examples and 0 for others */
function selectRows(values: readonly (Value | undefined)[], rows: readonly Value[]): Value {
  const own = values.flatMap((value, i) => {
    const row = rows[i]
    return value && row ? [multiply(value, reshape(row, [1, 'batch', 1]))] : []
  })
  return own.reduce((sum, value) => add(sum, value))
}

/** A branch's prefixes with what the library puts in front of them to make them as long as its siblings'. */
function padded(
  build: Build,
  { prefixes }: PrefixState,
  siblings: readonly PrefixState[],
  value: number | undefined,
): readonly Prefix[] {
  const lengthOf = (state: PrefixState): number =>
    state.prefixes.reduce((sum, { keys }) => sum + Number(keys.shape[2]), 0)
  const missing = Math.max(...siblings.map(lengthOf)) - lengthOf({ prefixes })
  const like = siblings.flatMap((sibling) => sibling.prefixes)[0]
  if (value === undefined || missing === 0 || !like) return prefixes
  const shape = [1, Number(like.keys.shape[1]), missing, Number(like.keys.shape[3])]
  const vectors = build.graph.constant(new Float32Array(shape.reduce((a, b) => a * b)).fill(value), shape)
  return [{ keys: vectors, values: vectors, bias: 1 }, ...prefixes]
}

function maskRows({ mask }: Prefix, rows: Value): Value {
  const own = reshape(rows, ['batch', 1, 1, 1])
  return mask ? multiply(mask, own) : own
}

/** A method that is one adapter. */
export function singleAdapter(
  name: string,
  parameters: readonly ParameterSpec[],
  parts: AdapterParts,
): PreparedMethod {
  return composedMethod(name, parameters, { adapters: new Map([[name, parts]]) }, parts)
}

/** A method that is a composition of adapters. */
export function composedMethod(
  composition: Composition,
  parameters: readonly ParameterSpec[],
  options: ComposeOptions,
  parts?: AdapterParts,
): PreparedMethod {
  return {
    parameters,
    ...(parts ? { parts } : {}),
    carriesBottleneck: (layer) => bottleneckSits(options.adapters.values(), layer),
    sites(build, { task, variant: { droppedLayers = 0, active } }) {
      const adapters = new Map(
        Array.from(options.adapters, ([name, own], index) => [
          name,
          onlyActive(own, (layer) => layer >= droppedLayers && active?.[layer]?.includes(index) !== false),
        ]),
      )
      return composedSites(build, composition, { ...options, adapters, channel: task })
    },
  }
}
