import { WorkbenchError, type MethodChoice } from '../../preload/contract.ts'
import type { PrepareContext } from '../adapters/method.ts'
import { mixAndMatchOptions, mixAndMatchParts } from '../adapters/mix-and-match.ts'
import { prefixOptions, type PrefixOptions } from '../adapters/prefix-options.ts'
import { ejectionGraph } from '../adapters/prefix.ts'
import { findMethod } from '../adapters/registry.ts'
import { unionParts } from '../adapters/union.ts'
import type { Engine } from '../engines/engine.ts'
import type { BackboneConfig } from '../models/config.ts'

/**
 * A prefix without the network that made it while training: the keys and values themselves, which compute the same
 * with far fewer parameters.
 *
 * @param value an adapter's trained parameters by name
 * @returns the method without network, and its parameters
 * @throws WorkbenchError `bad-input` for a method whose prefix has no network
 */
export async function ejectPrefix(
  engine: Engine,
  choice: MethodChoice,
  config: BackboneConfig,
  adapterName: string,
  value: (name: string) => Float32Array,
): Promise<{ method: MethodChoice; parameters: Map<string, Float32Array> }> {
  const { prefix, method } = ejected(choice, config)
  const compiled = await engine.compile(ejectionGraph(prefix, config, adapterName, value))
  try {
    const { values } = await compiled.run({}, ['values'])
    if (!(values?.data instanceof Float32Array)) throw new Error('the prefix has no values')
    const made = values.data
    const context: PrepareContext = { config, adapterName, tasks: [adapterName], adapters: [] }
    const { parameters } = findMethod(method.name).prepare(method.options, context)
    return {
      method,
      parameters: new Map(
        parameters.map(({ name }) => [name, name.endsWith('.control_trans') ? made : value(name)]),
      ),
    }
  } finally {
    await compiled.dispose()
  }
}

/** The prefix with its network, and the method without one. */
function ejected(
  { name, options }: MethodChoice,
  config: BackboneConfig,
): { prefix: PrefixOptions; method: MethodChoice } {
  switch (name) {
    case 'prefix_tuning': {
      const kept = Object.entries(options).filter(([option]) => !network.includes(option))
      const method = { name: 'prefix_tuning_flat', options: Object.fromEntries(kept) }
      return { prefix: unlessFlat(name, prefixOptions({}).parse(options)), method }
    }
    case 'mam':
    case 'mam_generation': {
      const { prefix } = mixAndMatchParts(mixAndMatchOptions(name).parse(options), config)
      return { prefix: unlessFlat(name, prefix), method: { name, options: { ...options, flat: true } } }
    }
    case 'union':
    case 'unipelt': {
      const parts = unionParts(name, options)
      const found = parts.find((part) => part.name === 'prefix_tuning')
      if (!found) return refuse(name)
      const { prefix, method } = ejected(found, config)
      return {
        prefix,
        method: { name: 'union', options: { parts: parts.map((part) => (part === found ? method : part)) } },
      }
    }
    default:
      return refuse(name)
  }
}

/** Options that mean nothing without a network. */
const network = ['flat', 'bottleneck_size', 'non_linearity']

function unlessFlat(name: string, prefix: PrefixOptions): PrefixOptions {
  return prefix.flat ? refuse(name) : prefix
}

function refuse(name: string): never {
  throw new WorkbenchError(
    'bad-input',
    `an adapter of method ${name} has no network to leave out: only a prefix that is not learned directly has one`,
  )
}
