import { z } from 'zod'

import { MethodChoice } from '../../preload/contract.ts'
import { loraOptions, loraPresets, loraScale } from '../adapters/lora-options.ts'
import { loraSites } from '../adapters/lora.ts'
import { mergeAdapter } from '../adapters/merge.ts'
import type { PrepareContext } from '../adapters/method.ts'
import { findMethod } from '../adapters/registry.ts'
import type { Engine } from '../engines/engine.ts'
import { ejectPrefix } from '../training/eject.ts'
import type { NamedTensors, TunedModel } from '../training/tuned-model.ts'
import type { Comparison } from './comparison.ts'
import type { GoldenCase } from './golden-case.ts'

type Evaluate = (
  model: TunedModel,
  parameters: Float32Array,
) => Promise<{ loss: number; logits: Float32Array }>

/**
 * Compares what adapters are turned into, where the case has it: a prefix without its network, merged weights, LoRA as
 * it was before its scale counted.
 */
export async function compareConversions(
  golden: GoldenCase,
  engine: Engine,
  comparison: Comparison,
  evaluate: Evaluate,
): Promise<void> {
  await compareEjected(golden, engine, comparison, evaluate)
  await compareMerged(golden, comparison, evaluate)
  await compareUnscaled(golden, comparison, evaluate)
}

async function compareEjected(
  golden: GoldenCase,
  engine: Engine,
  comparison: Comparison,
  evaluate: Evaluate,
): Promise<void> {
  const { model } = golden
  const adapter = onlyAdapter(golden)
  if (!adapter || !golden.extras.has('logits_after_eject_to_flat')) return
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
  const { logits } = await evaluate(flat, vectorOf(golden, flat, parameters))
  comparison.compareExtra('logits_after_eject_to_flat', logits)
}

/** As the library merges: of IA3 the weights alone. */
async function compareMerged(golden: GoldenCase, comparison: Comparison, evaluate: Evaluate): Promise<void> {
  const adapter = onlyAdapter(golden)
  const isLowRank = adapter?.choice.name === 'lora' || adapter?.choice.name === 'ia3'
  if (!adapter || !isLowRank || !golden.extras.has('logits_merged')) return
  const source = {
    backbone: (name: string) => Promise.resolve(weightOf(golden, name)),
    adapter: (name: string) => weightOf(golden, name),
  }
  const tensors = await mergeAdapter(adapter.choice, golden.model.config, adapter.name, source, {
    weightsAlone: true,
  })
  const plain = golden.having({ parameters: [], sites: () => ({}) }, shaped(golden, tensors))
  const { logits } = await evaluate(plain, vectorOf(golden, plain, new Map()))
  comparison.compareExtra('logits_merged', logits)
}

/**
 * The library's versions from 0.1.0 to 1.0.1 leave LoRA's and IA3's scale out, but not where one layer gives query, key
 * and value at once. Dividing the matrices by the scale that is applied here computes the same.
 */
async function compareUnscaled(
  golden: GoldenCase,
  comparison: Comparison,
  evaluate: Evaluate,
): Promise<void> {
  const { model, extras } = golden
  if (!extras.has('logits_unpatched_v0_2_2')) return
  const unscaled = new Map<string, Float32Array>()
  for (const { name, choice } of golden.adapters) {
    for (const { name: method, options: given } of partsOf(choice)) {
      if (method !== 'lora' && method !== 'ia3') continue
      const options = loraOptions(loraPresets[method]).parse(given)
      // A gate stands in the scale's place.
      if (options.use_gating) continue
      for (const site of loraSites(options, model.config, name)) {
        if (site.path.merged) continue
        const matrix = `${site.name}.lora_B`
        unscaled.set(
          matrix,
          weightOf(golden, matrix).map((value) => value / loraScale(options)),
        )
      }
    }
  }
  const constants = new Map([...model.constants, ...shaped(golden, unscaled)])
  const { loss, logits } = await evaluate({ ...model, constants }, vectorOf(golden, model, unscaled))
  comparison.compareExtra('logits_unpatched_v0_2_2', logits)
  if (extras.has('loss_unpatched_v0_2_2')) comparison.compareExtra('loss_unpatched_v0_2_2', [loss])
}

/** The methods that an adapter unites, or its one. */
function partsOf(choice: MethodChoice): MethodChoice[] {
  const { parts } = UnitedParts.parse(choice.options)
  return parts ? parts.flatMap(partsOf) : [choice]
}
const UnitedParts = z.looseObject({ parts: z.array(MethodChoice).optional() })

function onlyAdapter({ adapters }: GoldenCase): GoldenCase['adapters'][number] | undefined {
  return adapters.length === 1 ? adapters[0] : undefined
}

function shaped({ weights }: GoldenCase, tensors: ReadonlyMap<string, Float32Array>): NamedTensors {
  return new Map(
    Array.from(tensors, ([name, data]) => [name, { shape: weights.get(name)?.shape ?? [], data }]),
  )
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
