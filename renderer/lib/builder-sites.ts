/** The places of a transformer block where a method sits, and which options switch them. */
import type { MethodDescription } from '../../preload/contract.ts'
import { withOption } from './run-draft.ts'

export const sites = [
  'embeddings',
  'prefix',
  'query',
  'key',
  'value',
  'attention',
  'intermediate',
  'feedForward',
  'output',
] as const
export type Site = (typeof sites)[number]

export const siteWords: Record<Site, string> = {
  embeddings: 'Invertible adapter at the embeddings',
  prefix: 'Prefix of the attention’s keys and values',
  query: 'Update of the query matrix',
  key: 'Update of the key matrix',
  value: 'Update of the value matrix',
  attention: 'Adapter at the attention',
  intermediate: 'Update of the first feed-forward matrix',
  feedForward: 'Update of the second feed-forward matrix',
  output: 'Adapter at the feed-forward',
}

export interface SiteState {
  on: boolean
  /** A click can switch it. */
  canSwitch: boolean
  /** Beside what it belongs to, not after it. */
  parallel: boolean
}

type Options = Record<string, unknown>

const letters: Partial<Record<Site, string>> = { query: 'q', key: 'k', value: 'v' }
const flags: Partial<Record<Site, string>> = {
  attention: 'mh_adapter',
  output: 'output_adapter',
  intermediate: 'intermediate_lora',
  feedForward: 'output_lora',
}

/** An option as it stands: chosen, else the preset's. */
export function optionOf(method: MethodDescription, options: Options, name: string): unknown {
  return name in options ? options[name] : method.fields.find((field) => field.name === name)?.default
}

const has = (method: MethodDescription, name: string) => method.fields.some((field) => field.name === name)

/** A list option, whether it is one or the text that a form makes of it. */
export function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String)
  return typeof value === 'string' ? value.split(/[\s,;]+/).filter(Boolean) : []
}

/** What a site of a block looks like under a method's options; undefined where the method has none there. */
export function siteState(method: MethodDescription, options: Options, site: Site): SiteState | undefined {
  const parallel = optionOf(method, options, 'is_parallel') === true
  const letter = letters[site]
  if (letter !== undefined) {
    if (!has(method, 'attn_matrices')) return undefined
    const on =
      optionOf(method, options, 'selfattn_lora') !== false &&
      listOf(optionOf(method, options, 'attn_matrices')).includes(letter)
    return { on, canSwitch: true, parallel: false }
  }
  const flag = flags[site]
  if (flag !== undefined && has(method, flag)) {
    return { on: optionOf(method, options, flag) === true, canSwitch: true, parallel }
  }
  if (site === 'embeddings' && has(method, 'inv_adapter')) {
    return { on: optionOf(method, options, 'inv_adapter') !== 'none', canSwitch: true, parallel: false }
  }
  if (site === 'prefix' && has(method, 'prefix_length')) return fixed(false)
  // Mix-And-Match has its adapter beside the feed-forward part, wherever it has a prefix.
  if (site === 'output' && has(method, 'adapter_width')) return fixed(true)
  if (site === 'output' && (method.takes === 'adapters' || method.family === 'fusion')) return fixed(false)
  return undefined
}

const fixed = (parallel: boolean): SiteState => ({ on: true, canSwitch: false, parallel })

/** The options with one site switched. The last place of a method stays: it would train nothing. */
export function withSite(method: MethodDescription, options: Options, site: Site): Options {
  const state = siteState(method, options, site)
  if (state === undefined || !state.canSwitch) return options
  const others = sites.filter((other) => other !== site && siteState(method, options, other)?.on === true)
  if (state.on && others.every((other) => other === 'embeddings')) return options
  const letter = letters[site]
  if (letter !== undefined) {
    const chosen =
      optionOf(method, options, 'selfattn_lora') === false
        ? []
        : listOf(optionOf(method, options, 'attn_matrices'))
    const next = state.on
      ? chosen.filter((other) => other !== letter)
      : ['q', 'k', 'v'].filter((one) => one === letter || chosen.includes(one))
    if (next.length === 0) return withOption(options, method, 'selfattn_lora', false)
    return withOption(withOption(options, method, 'selfattn_lora', true), method, 'attn_matrices', next)
  }
  if (site === 'embeddings') return withOption(options, method, 'inv_adapter', state.on ? 'none' : 'nice')
  const flag = flags[site]
  return flag === undefined ? options : withOption(options, method, flag, !state.on)
}

/** Layers, from 0, in which the method does not sit. */
export function leftOut(method: MethodDescription, options: Options): number[] {
  const dropped = Number(optionOf(method, options, 'dropped_layers') ?? 0)
  const first = Array.from({ length: Number.isFinite(dropped) ? dropped : 0 }, (_, layer) => layer)
  const named = listOf(optionOf(method, options, 'leave_out'))
    .map(Number)
    .filter(Number.isInteger)
  return [...new Set([...first, ...named])].sort((a, b) => a - b)
}

/** Whether a click on a layer can switch the method there. */
export const canSwitchLayers = (method: MethodDescription) => has(method, 'leave_out')

/**
 * The options with one layer switched. Of a specialised AdapterDrop the layers at the bottom are dropped by number:
 * switching one of these takes the number back and names the others.
 */
export function withLayer(
  method: MethodDescription,
  options: Options,
  layer: number,
  layers: number,
): Options {
  if (!canSwitchLayers(method)) return options
  const out = leftOut(method, options)
  const next = out.includes(layer)
    ? out.filter((other) => other !== layer)
    : [...out, layer].sort((a, b) => a - b)
  if (next.length >= layers) return options
  const named = withOption(options, method, 'leave_out', next)
  return has(method, 'dropped_layers') ? withOption(named, method, 'dropped_layers', 0) : named
}

/** The same method with only the options that another one knows too, for changing the method of a configuration. */
export function carriedOptions(from: Options, to: MethodDescription): Options {
  return Object.entries(from).reduce<Options>(
    (kept, [name, value]) => (has(to, name) ? withOption(kept, to, name, value) : kept),
    {},
  )
}
