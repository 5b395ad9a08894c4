import {
  add,
  divide,
  exponential,
  minimum,
  multiply,
  reduceMax,
  reshape,
  slice,
  subtract,
  type Value,
} from '../graph/index.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { BlockSite, Build, Sites } from '../models/sites.ts'
import type { BlockBottleneckOptions } from './bottleneck-options.ts'
import { beginningWith } from './beginning-with.ts'
import { prepareBottleneck } from './bottleneck.ts'
import type { ParameterSpec, PrepareContext, PreparedMethod, Variant } from './method.ts'
import { constant } from './parameter-specs.ts'
import { bottleneckSits, places, type AdapterParts, type BottleneckPart } from './parts.ts'
import { present } from './present.ts'

/**
 * Several task adapters that all see every example: the output of a site is the mean of theirs, weighted by the gates
 * where there are any. With equal gates, as they begin, it is the plain mean.
 */
export interface TaskMixture {
  config: BackboneConfig
  /** The pieces of each task's adapter, in order. */
  adapters: readonly AdapterParts[]
  /** The parameter that holds the gates before their softmax over tasks, `[layers, tasks]`; left out: no gates. */
  gates?: string | undefined
  /** 1 where an example's task adapter is at work, else 0, `[batch, tasks]`; left out: all are. */
  survivors?: ((build: Build) => Value) | undefined
}

/** What stands for a task in the name of its adapter. */
export function taskAdapterNames(adapterName: string, tasks: readonly string[]): string[] {
  return tasks.length === 1 ? [adapterName] : tasks.map((task) => `${adapterName}_${task}`)
}

/** What is left of task adapters with these options: a plain bottleneck adapter of each task. */
export function leftByTasks(
  adapterName: string,
  tasks: readonly string[],
  options: BlockBottleneckOptions,
): NonNullable<PreparedMethod['leaves']> {
  return taskAdapterNames(adapterName, tasks).map((name, task) => ({
    name,
    task,
    choice: { name: 'seq_bn', options: { ...options } },
  }))
}

/** Task adapters of one kind, and what every method that mixes them has of a prepared one. */
export interface PreparedMixture {
  /** The adapters' names, in the order of the tasks. */
  names: readonly string[]
  adapters: readonly AdapterParts[]
  gates: string | undefined
  method: Pick<PreparedMethod, 'parameters' | 'gates' | 'carriesBottleneck' | 'leaves' | 'parts'>
}

/** @throws WorkbenchError `bad-input` naming the option */
export function prepareMixture(
  options: BlockBottleneckOptions,
  { config, adapterName, tasks, adapters: stored }: PrepareContext,
  gated: boolean,
): PreparedMixture {
  const names = taskAdapterNames(adapterName, tasks)
  const prepared = names.map((name, task) =>
    beginningWith(stored[task], options, name, prepareBottleneck(options, config, name)),
  )
  const adapters = prepared.map(({ parts = {} }) => parts)
  const gates = gated ? `task_gates.${adapterName}` : undefined
  const [only, ...others] = adapters
  return {
    ...{ names, adapters, gates },
    method: {
      parameters: [
        ...prepared.flatMap(({ parameters }) => parameters),
        ...taskGateSpecs(config, tasks.length, gates),
      ],
      gates: gatesOf(config, tasks.length, gates),
      carriesBottleneck: (layer) => bottleneckSits(adapters, layer),
      leaves: leftByTasks(adapterName, tasks, options),
      ...(only && others.length === 0 ? { parts: only } : {}),
    },
  }
}

/** Equal gates for every layer, or no parameter where there is nothing to choose from. */
function taskGateSpecs(
  { layers }: BackboneConfig,
  tasks: number,
  gates: string | undefined,
): ParameterSpec[] {
  if (gates === undefined || tasks === 1) return []
  return [{ name: gates, shape: [layers, tasks], group: 'adapter', initialization: constant(0) }]
}

/** The gates that stand in trained values: a softmax over tasks in each layer; all alike where there are none. */
function gatesOf(
  { layers }: BackboneConfig,
  tasks: number,
  gates: string | undefined,
): NonNullable<PreparedMethod['gates']> {
  return (value) => {
    if (gates === undefined || tasks === 1) {
      return Array.from({ length: layers }, () => new Array<number>(tasks).fill(1 / tasks))
    }
    const logits = value(gates)
    return Array.from({ length: layers }, (_, layer) => {
      const row = Array.from(logits.subarray(layer * tasks, (layer + 1) * tasks), Math.exp)
      const total = row.reduce((sum, weight) => sum + weight, 0)
      return row.map((weight) => weight / total)
    })
  }
}

export function mixtureSites(build: Build, mixture: TaskMixture, variant: Variant): Sites {
  const { adapters } = mixture
  const { droppedLayers = 0, active } = variant
  const all = adapters.map((_, task) => task)
  const activeIn = (layer: number): readonly number[] =>
    layer < droppedLayers ? [] : (active?.[layer] ?? all)
  const partsAt = (site: BlockSite): { task: number; part: BottleneckPart }[] =>
    activeIn(site.layer).flatMap((task) => {
      const part = adapters[task]?.bottleneck?.(site)
      return part ? [{ task, part }] : []
    })
  return {
    join(site, hidden, input, normalize) {
      const parts = partsAt(site)
      const [first] = parts
      if (!first) return undefined
      const outputs = parts.map(({ task, part }) => {
        const { x, residual } = part.before(hidden, input, normalize)
        return { task, output: part.apply(build, x, residual).output }
      })
      const finish = (mixed: Value): Value => first.part.after(mixed, hidden, input, normalize)
      const survivors = mixture.survivors?.(build)
      if (!survivors) return finish(weightedMean(build, mixture, site.layer, outputs))
      const { mixed, any } = meanOfSurvivors(build, mixture, site.layer, outputs, survivors)
      const plain = normalize(add(hidden, input))
      return add(multiply(finish(mixed), any), multiply(plain, subtract(build.graph.scalar(1), any)))
    },
    mixesPositions: (layer) =>
      places.some((place) => partsAt({ layer, place }).some(({ part }) => part.mixesPositions)),
  }
}

interface TaskOutput {
  task: number
  /** `[sequence, batch, hidden]` */
  output: Value
}

function weightedMean(
  build: Build,
  mixture: TaskMixture,
  layer: number,
  outputs: readonly TaskOutput[],
): Value {
  const [first] = outputs
  if (first && outputs.length === 1) return first.output
  const counts = gateWeights(build, mixture, layer, outputs)
  if (!counts) {
    return total(outputs.map(({ output }) => multiply(output, 1 / outputs.length)))
  }
  const sum = total(counts)
  return total(
    outputs.map(({ output }, i) => multiply(output, divide(present(counts[i], 'a task adapter'), sum))),
  )
}

/**
 * The mean of those outputs whose adapter an example keeps. @returns 0 where it keeps none, and in `any` whether it
 * keeps one, `[1, batch, 1]`
 */
function meanOfSurvivors(
  build: Build,
  mixture: TaskMixture,
  layer: number,
  outputs: readonly TaskOutput[],
  survivors: Value,
): { mixed: Value; any: Value } {
  const alive = outputs.map(({ task }) => slice(survivors, 1, task, task + 1))
  const counts = gateWeights(build, mixture, layer, outputs)
  const weights = alive.map((own, i) => (counts ? multiply(own, present(counts[i], 'a task adapter')) : own))
  const any = minimum(total(alive), 1)
  // Where no adapter survives the sum is 0: 1 in its place keeps the weights 0.
  const sum = add(total(weights), subtract(build.graph.scalar(1), any))
  const perExample = (value: Value): Value => reshape(value, [1, 'batch', 1])
  const mixed = total(
    outputs.map(({ output }, i) =>
      multiply(output, perExample(divide(present(weights[i], 'a task adapter'), sum))),
    ),
  )
  return { mixed, any: perExample(any) }
}

/** `e^gate` of each of these adapters, `[1, 1]`; undefined where there is nothing to weigh. */
function gateWeights(
  build: Build,
  { config, adapters, gates }: TaskMixture,
  layer: number,
  outputs: readonly TaskOutput[],
): Value[] | undefined {
  if (gates === undefined || adapters.length === 1 || outputs.length === 1) return undefined
  const logits = slice(build.parameter(gates, [config.layers, adapters.length]), 0, layer, layer + 1)
  const powers = exponential(subtract(logits, reduceMax(logits, [-1], true)))
  return outputs.map(({ task }) => slice(powers, 1, task, task + 1))
}

function total(values: readonly Value[]): Value {
  return values.reduce((sum, value) => add(sum, value))
}
