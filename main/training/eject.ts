import { WorkbenchError, type MethodChoice } from '../../preload/contract.ts'
import type { PrepareContext } from '../adapters/method.ts'
import { ejectionGraph } from '../adapters/prefix.ts'
import { findMethod } from '../adapters/registry.ts'
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
  const ejected = findMethod(choice.name).eject?.(choice.options, config)
  if (!ejected) {
    throw new WorkbenchError(
      'bad-input',
      `an adapter of method ${choice.name} has no network to leave out: only a prefix that is not learned directly has one`,
    )
  }
  const { prefix, method } = ejected
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
