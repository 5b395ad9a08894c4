import { WorkbenchError } from '../../preload/contract.ts'
import type { BlockBottleneckOptions } from './bottleneck-options.ts'
import type { NamedAdapter, ParameterSpec, PreparedMethod } from './method.ts'
import { optionsDifference } from './options-difference.ts'

/**
 * A task's adapter whose parameters begin with a stored adapter's values instead of random ones.
 *
 * @param stored left out: it begins as it does by itself
 * @param name of the task's adapter
 * @throws WorkbenchError `bad-input` where the stored one computes otherwise than these options say
 */
export function beginningWith(
  stored: NamedAdapter | undefined,
  options: BlockBottleneckOptions,
  name: string,
  prepared: PreparedMethod,
): PreparedMethod {
  if (!stored) return prepared
  refuseUnlike(stored, options)
  const sources = new Map(
    stored.renamed(name).parameters.map((spec, index) => [spec.name, stored.method.parameters[index]?.name]),
  )
  const parameters = prepared.parameters.map((spec): ParameterSpec => {
    const source = sources.get(spec.name)
    if (source === undefined) return refuse(stored, `it lacks "${spec.name}"`)
    return { ...spec, initialization: { kind: 'average', of: [{ name: source, weight: 1 }] } }
  })
  if (sources.size > parameters.length) refuse(stored, 'it has more than a bottleneck adapter')
  return { ...prepared, parameters }
}

function refuseUnlike(stored: NamedAdapter, options: BlockBottleneckOptions): void {
  const { parts = {} } = stored.method
  const isBottleneck = parts.bottleneck && !parts.prefix && !parts.projection && !parts.embeddings
  if (!isBottleneck) {
    refuse(
      stored,
      `its method ${stored.choice.name} is no bottleneck adapter alone; take one that seq_bn or a run of several tasks left`,
    )
  }
  const difference = optionsDifference({ ...options }, stored.options)
  if (difference === undefined) return
  refuse(
    stored,
    difference === 'other options'
      ? `its method ${stored.choice.name} has other options than these adapters`
      : `its option "${difference.name}" is ${difference.other}, and ${difference.one} here; set it alike, or take another adapter`,
  )
}

function refuse(stored: NamedAdapter, why: string): never {
  throw new WorkbenchError(
    'bad-input',
    `"${stored.name}" cannot be what a task's adapter begins with: ${why}`,
  )
}
