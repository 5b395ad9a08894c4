import { z } from 'zod'

import { parseMethodChoices, WorkbenchError, type MethodChoice } from '../../preload/contract.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { Projection } from '../models/sites.ts'
import { bottlenecks } from './bottleneck.ts'
import { singleAdapter } from './compose.ts'
import { loras } from './lora.ts'
import { defineMethod, type Method, type PrepareContext, type PreparedMethod, type Preset } from './method.ts'
import { layersOf, places, type AdapterParts } from './parts.ts'
import { prefixes } from './prefix.ts'

/** What a union may consist of. */
const members: readonly Method[] = [...bottlenecks, ...loras, ...prefixes]

/** Written as one would, or as a list of names with their options. */
const Members = z.union(
  [
    z.string(),
    z.array(z.object({ name: z.string(), options: z.record(z.string(), z.unknown()).default({}) }).strict()),
  ],
  'must be methods with a plus between, such as lora[r=4] + seq_bn, or a list of {name, options}',
)

const memberOf = (name: string) => members.find((member) => member.name === name)

const presets = {
  union: 'lora + seq_bn',
  unipelt:
    'prefix_tuning[prefix_length=10,use_gating=true] + seq_bn[use_gating=true] + lora[alpha=2,use_gating=true]',
} as const

/** Several methods under one name, trained together: `ConfigUnion` in the adapters library. */
export const union = unionMethod({
  name: 'union',
  label: 'Union of methods',
  summary: 'Several methods that sit in different places of the backbone, trained together as one adapter.',
  source: 'ConfigUnion in the adapters library',
})

/** UniPELT (Mao et al. 2022): prefix, adapter and LoRA together, each with a gate. */
export const unipelt = unionMethod({
  name: 'unipelt',
  label: 'UniPELT',
  summary:
    'Prefix tuning, an adapter and LoRA together; gates learn, per text and layer, how much of each is let through.',
  source:
    'Mao et al. 2022, "UniPELT: A Unified Framework for Parameter-Efficient Language Model Tuning"; unipelt in the adapters library',
})

function unionMethod(preset: Preset & { name: keyof typeof presets }): Method {
  return defineMethod({
    ...preset,
    family: 'adapter',
    learningRate: 1e-3,
    options: unionOptions(preset.name),
    prepare: (options, context) => prepareUnion(choicesOf(options), context),
    eject(options, config) {
      const parts = choicesOf(options)
      for (const part of parts) {
        const ejected = memberOf(part.name)?.eject?.(part.options, config)
        if (!ejected) continue
        const left = parts.map((other) => (other === part ? ejected.method : other))
        return { prefix: ejected.prefix, method: { name: 'union', options: { parts: left } } }
      }
      return undefined
    },
  })
}

function unionOptions(preset: keyof typeof presets) {
  return z
    .object({
      parts: Members.default(presets[preset]).meta({
        title: 'Methods',
        description: 'The methods, with a plus between; options in brackets: lora[r=4] + seq_bn.',
        kind: 'text',
      }),
    })
    .strict()
}

function choicesOf({ parts }: { parts: z.output<typeof Members> }): MethodChoice[] {
  return typeof parts === 'string' ? parseMethodChoices(parts) : parts
}

function prepareUnion(parts: readonly MethodChoice[], context: PrepareContext): PreparedMethod {
  if (parts.length === 0) throw new WorkbenchError('bad-input', 'option "parts" names no method')
  const prepared = parts.map(({ name, options }) => {
    const method = memberOf(name)
    if (!method) {
      throw new WorkbenchError(
        'bad-input',
        `option "parts": "${name}" cannot be part of a union; those that can are ${members.map((member) => member.name).join(', ')}`,
      )
    }
    return { label: name, method: method.prepare(options, context) }
  })
  return unite(prepared, context.config, context.adapterName)
}

/**
 * One adapter of several that sit in different places; a variant may switch any of them off.
 *
 * @throws WorkbenchError `bad-input` where two of them sit in the same place
 */
export function unite(
  united: readonly { label: string; method: PreparedMethod }[],
  config: BackboneConfig,
  adapterName: string,
): PreparedMethod {
  const all = united.map(({ label, method: { parts = {} } }, i) => {
    const earlier = united.slice(0, i).filter((other) => other.label === label).length
    return { label: earlier === 0 ? label : `${label} ${earlier + 1}`, parts }
  })
  all.forEach((one, i) => all.slice(i + 1).forEach((other) => refuseOverlap(one, other, config)))
  const whole = singleAdapter(
    adapterName,
    united.flatMap(({ method }) => method.parameters),
    together(all),
  )
  return {
    ...whole,
    united: all.map(({ label }) => label),
    sites(build, situation) {
      const { without = [] } = situation.variant
      if (without.length === 0) return whole.sites(build, situation)
      const left = all.filter(({ label }) => !without.includes(label))
      return singleAdapter(adapterName, [], together(left)).sites(build, situation)
    },
  }
}

/** Adapters of which at most one sits in each place, as one. */
function together(all: readonly Named[]): AdapterParts {
  const first = <T>(of: (parts: AdapterParts) => T | undefined): T | undefined => {
    for (const { parts } of all) {
      const found = of(parts)
      if (found !== undefined) return found
    }
    return undefined
  }
  const embeddings = first((parts) => parts.embeddings)
  const has = (kind: keyof AdapterParts): boolean => all.some(({ parts }) => parts[kind] !== undefined)
  return {
    ...(has('bottleneck') ? { bottleneck: (site) => first((parts) => parts.bottleneck?.(site)) } : {}),
    ...(has('projection')
      ? { projection: (layer, which) => first((parts) => parts.projection?.(layer, which)) }
      : {}),
    ...(has('prefix') ? { prefix: (layer) => first((parts) => parts.prefix?.(layer)) } : {}),
    ...(embeddings ? { embeddings } : {}),
  }
}

interface Named {
  label: string
  parts: AdapterParts
}

const projections = [
  'query',
  'key',
  'value',
  'intermediate',
  'output',
] as const satisfies readonly Projection[]

/** As the library's `ConfigUnion.validate` and the places of its layers have it. */
function refuseOverlap(one: Named, other: Named, config: BackboneConfig): void {
  const refuse = (where: string): never => {
    throw new WorkbenchError(
      'bad-input',
      `${one.label} and ${other.label} cannot be united: both ${where}, and one adapter has only one there; ` +
        'stack two adapters instead, or give them different layers',
    )
  }
  // The names of a prefix's parameters are no layer's, so one adapter has only one of them.
  if (one.parts.prefix && other.parts.prefix) refuse('put a prefix into the attention')
  if (one.parts.embeddings && other.parts.embeddings) refuse('change the embeddings')
  for (const layer of layersOf(config)) {
    for (const place of places) {
      const sits = ({ parts }: Named) => parts.bottleneck?.({ layer, place }) !== undefined
      if (sits(one) && sits(other)) refuse(`have a bottleneck after the ${place} part of layer ${layer}`)
    }
    const changes = ({ parts }: Named) => projections.some((which) => parts.projection?.(layer, which))
    if (changes(one) && changes(other)) refuse(`change linear layers of layer ${layer}`)
  }
}
