import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

import { WorkbenchError } from '../../preload/contract.ts'
import type { Checkpoint } from './checkpoint/index.ts'
import { elementCount, formatShape } from './checkpoint/tensor-file.ts'
import { architectureOf, architectures, type NamedShape } from './architecture.ts'
import { parseBackboneConfig, type BackboneConfig } from './config.ts'

export { writeWeightFile, type WeightFile } from './weight-file.ts'

/** A tensor whose values are read when asked for: row-major float32. */
export interface LazyTensor {
  readonly shape: readonly number[]
  read(): Promise<Float32Array<ArrayBuffer>>
}

/** A pretrained transformer. It reads through its checkpoint, which must stay open as long as it is used. */
export interface Backbone {
  readonly config: BackboneConfig
  /** SHA-256 over names, shapes and float32 values of `tensors`, in their order. */
  readonly hash: string
  /** Number of values in `tensors`. */
  readonly parameters: number
  /** Embeddings and layers under their canonical names (`backboneTensors`). */
  readonly tensors: ReadonlyMap<string, LazyTensor>
  /** What else the checkpoint holds, under canonical names: `pooler.*` and the language-model head's. */
  readonly extras: ReadonlyMap<string, LazyTensor>
}

/** A tensor that a backbone must have. @throws Error naming it */
export function tensorOf({ tensors }: Pick<Backbone, 'tensors'>, name: string): LazyTensor {
  const tensor = tensors.get(name)
  if (!tensor) throw new Error(`the backbone has no tensor "${name}"`)
  return tensor
}

/**
 * The tensors of a backbone in canonical order, under Hugging Face's names without prefix. Linear weights are
 * `[out, in]`, GPT-2's `[in, out]`.
 */
export function backboneTensors(config: BackboneConfig): NamedShape[] {
  return architectureOf(config).tensors(config)
}

/**
 * A state dict's name for a tensor without model prefix and with today's names of LayerNorm's parts. Of a pool of
 * prefixes, which the adapters library lists anew in every layer, it is the one name that is no layer's.
 */
export function canonicalName(name: string, architecture: BackboneConfig['architecture']): string {
  const { prefix } = architectures[architecture]
  return (name.startsWith(prefix) ? name.slice(prefix.length) : name)
    .replace(/^.*\.prefix_tuning\.pool\.prefix_tunings\./, 'prefix_tuning.prefix_tunings.')
    .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
    .replace(/LayerNorm\.beta$/, 'LayerNorm.bias')
}

/** What a checkpoint's tensor is for. `embeddings.position_ids` counts 0, 1, 2, … and is no weight. */
export function tensorUse(name: string, config: BackboneConfig): TensorUse {
  const canonical = canonicalName(name, config.architecture)
  if (backboneTensors(config).some((tensor) => tensor.name === canonical)) return 'backbone'
  if (!isLanguageModelTensor(canonical, config)) return 'unused'
  return architectureOf(config).languageModel.kind === 'masked'
    ? 'masked-language-model head'
    : 'language-model head'
}

type TensorUse = 'backbone' | 'masked-language-model head' | 'language-model head' | 'unused'

function isLanguageModelTensor(canonical: string, config: BackboneConfig): boolean {
  const names = architectureOf(config).languageModel
  if (canonical === names.decoder) return true
  if (names.kind === 'causal') return false
  const parts = [names.transform, names.norm].flatMap((path) => [`${path}.weight`, `${path}.bias`])
  return [...parts, ...names.biases].includes(canonical)
}

/**
 * The backbone of an open checkpoint, with or without the model's prefix, pooler and heads. Reads every backbone
 * tensor once for the hash, a few megabytes at a time.
 * @throws WorkbenchError `bad-input` naming a missing or misshapen tensor with the shape expected, or one with values
 * that are no finite numbers; `unsupported` for another architecture.
 */
export async function loadBackbone(checkpoint: Checkpoint): Promise<Backbone> {
  const config = parseBackboneConfig(checkpoint.config, checkpoint.folder)
  const { architecture } = config
  const found = new Map(
    [...checkpoint.tensors.keys()].map((name) => [canonicalName(name, architecture), name]),
  )
  const lazy = (stored: string): LazyTensor => ({
    shape: checkpoint.tensors.get(stored)?.shape ?? [],
    read: () => checkpoint.read(stored),
  })
  const tensors = new Map<string, LazyTensor>()
  for (const { name, shape } of backboneTensors(config)) {
    const stored = found.get(name)
    if (stored === undefined) {
      throw new WorkbenchError(
        'bad-input',
        `${checkpoint.folder} lacks the tensor "${name}" (also looked for as "${architectures[architecture].prefix}${name}"); ` +
          `expected shape ${formatShape(shape)} by its config.json.`,
      )
    }
    const tensor = lazy(stored)
    if (formatShape(tensor.shape) !== formatShape(shape)) {
      throw new WorkbenchError(
        'bad-input',
        `${checkpoint.folder}: the tensor "${stored}" has shape ${formatShape(tensor.shape)}, ` +
          `but its config.json asks for ${formatShape(shape)}.`,
      )
    }
    tensors.set(name, tensor)
  }
  const extras = new Map<string, LazyTensor>()
  for (const [name, stored] of found) {
    if (name.startsWith('pooler.') || isLanguageModelTensor(name, config)) extras.set(name, lazy(stored))
  }
  return {
    config,
    hash: await hashTensors(
      Array.from(tensors, ([name, { shape, read }]) => ({
        name,
        shape,
        read: async () => requireFinite(await read(), name, checkpoint.folder),
      })),
    ),
    parameters: countParameters(config),
    tensors,
    extras,
  }
}

/** Every run would stop at its first step, with the learning rate under suspicion. */
function requireFinite<Values extends Float32Array>(values: Values, name: string, folder: string): Values {
  let odd = 0
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? NaN
    if (value - value !== 0) odd++
  }
  if (odd === 0) return values
  throw new WorkbenchError(
    'bad-input',
    `${folder}: the tensor "${name}" has ${odd} of ${values.length} values that are infinite or not a number. ` +
      `The file is damaged, or the training that it is from went wrong.`,
  )
}

/** Number of values in a backbone's embeddings and layers. */
export function countParameters(config: BackboneConfig): number {
  return backboneTensors(config).reduce((total, { shape }) => total + elementCount(shape), 0)
}

/** Enough to keep the processor busy, little enough not to hold up other work of the process. */
const hashedAtOnce = 4 << 20

/**
 * SHA-256 (hexadecimal) over each tensor's name, shape and little-endian float32 values, in the order given.
 * Two sets of tensors have the same hash exactly when they are bit for bit the same.
 */
export async function hashTensors(
  entries: Iterable<NamedShape & { read(): Promise<Float32Array> | Float32Array }>,
): Promise<string> {
  const hash = createHash('sha256')
  for (const { name, shape, read } of entries) {
    hash.update(JSON.stringify([name, shape]))
    const values = await read()
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    for (let start = 0; start < bytes.byteLength; start += hashedAtOnce) {
      hash.update(bytes.subarray(start, start + hashedAtOnce))
      await setImmediate()
    }
  }
  return hash.digest('hex')
}
