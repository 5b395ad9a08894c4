import type { Head } from '../adapters/head.ts'
import type { ParameterSpec, PreparedMethod } from '../adapters/method.ts'
import type { BackboneConfig } from '../models/config.ts'
import { layOut, type ParameterLayout, type ParameterRule } from './layout.ts'

/** One of the tasks that a run trains. */
export interface TunedTask {
  name: string
  head: Head
  labels: number
}

/** Values under their names in the state dict. */
export type NamedTensors = ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>

/** A backbone with a method and a head for each task: what a run tunes. */
export interface TunedModel {
  config: BackboneConfig
  method: PreparedMethod
  tasks: readonly TunedTask[]
  /** All that is trained. */
  layout: ParameterLayout
  /** Parameters of trained adapters that stay as they are. */
  constants: NamedTensors
}

/** @param ruleOf how the optimizer treats each parameter; default: all alike */
export function tunedModel(
  config: BackboneConfig,
  method: PreparedMethod,
  tasks: readonly TunedTask[],
  {
    constants = new Map(),
    ruleOf,
  }: { constants?: NamedTensors; ruleOf?: (spec: ParameterSpec) => ParameterRule } = {},
): TunedModel {
  const specs = [...method.parameters, ...tasks.flatMap(({ head }) => head.parameters)]
  return { config, method, tasks, layout: layOut(specs, ruleOf), constants }
}
