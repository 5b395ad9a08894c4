import { mergeAdapter } from '../adapters/merge.ts'
import type { PrepareContext } from '../adapters/method.ts'
import { findMethod } from '../adapters/registry.ts'
import type { Engine } from '../engines/engine.ts'
import { ejectPrefix } from '../training/eject.ts'
import type { NamedTensors, TunedModel } from '../training/tuned-model.ts'
import type { Comparison } from './comparison.ts'
import type { GoldenCase } from './golden-case.ts'

type Evaluate = (model: TunedModel, parameters: Float32Array) => Promise<Float32Array>

/** Compares what an adapter is turned into, where the case has it: a prefix without its network, merged weights. */
export async function compareConversions(
  golden: GoldenCase,
  engine: Engine,
  comparison: Comparison,
  evaluate: Evaluate,
): Promise<void> {
  await compareEjected(golden, engine, comparison, evaluate)
  await compareMerged(golden, comparison, evaluate)
}

async function compareEjected(
  golden: GoldenCase,
  engine: Engine,
  comparison: Comparison,
  evaluate: Evaluate,
): Promise<void> {
  const { adapter, ejected, model } = golden
  if (!adapter || !ejected) return
  const { config } = model
  const { method, parameters } = await ejectPrefix(engine, adapter.choice, config, adapter.name, (name) =>
    weightOf(golden, name),
  )
  for (const [name, values] of parameters) {
    if (name.endsWith('.control_trans')) {
      comparison.compare('ejected.control_trans', values)
    }
  }
  const context: PrepareContext = { config, adapterName: adapter.name, tasks: [golden.name], adapters: [] }
  const flat = golden.having(findMethod(method.name).prepare(method.options, context))
  const logits = await evaluate(flat, vectorOf(golden, flat, parameters))
  comparison.compare('logits_after_eject_to_flat', logits, ejected)
}

/** The library leaves the bias out when it merges IA3, and so computes something else than before: not compared. */
async function compareMerged(golden: GoldenCase, comparison: Comparison, evaluate: Evaluate): Promise<void> {
  const { adapter, merged, model } = golden
  if (!adapter || !merged || adapter.choice.name !== 'lora') return
  const tensors = await mergeAdapter(adapter.choice, model.config, adapter.name, {
    backbone: (name) => Promise.resolve(weightOf(golden, name)),
    adapter: (name) => weightOf(golden, name),
  })
  const constants: NamedTensors = new Map(
    Array.from(tensors, ([name, data]) => [name, { shape: golden.weights.get(name)?.shape ?? [], data }]),
  )
  const plain = golden.having({ parameters: [], sites: () => ({}) }, constants)
  const logits = await evaluate(plain, vectorOf(golden, plain, new Map()))
  comparison.compare('logits_merged', logits, merged)
}

function vectorOf(
  golden: GoldenCase,
  { layout }: TunedModel,
  own: ReadonlyMap<string, Float32Array>,
): Float32Array {
  const vector = new Float32Array(layout.size)
  for (const [name, { offset }] of layout.entries) vector.set(own.get(name) ?? weightOf(golden, name), offset)
  return vector
}

function weightOf({ weights, name: caseName }: GoldenCase, name: string): Float32Array {
  const weight = weights.get(name)
  if (!weight) throw new Error(`${caseName}: weights.safetensors lacks "${name}"`)
  return weight.data
}
