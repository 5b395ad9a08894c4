import type { Graph, Value } from '../graph/index.ts'
import { bert } from './bert.ts'
import type { BackboneConfig } from './config.ts'
import { distilBert } from './distilbert.ts'
import { gpt2 } from './gpt2.ts'
import { roberta } from './roberta.ts'
import type { Build, Place, Projection, Sites } from './sites.ts'

/** The inputs of a backbone. `mask` is batch-major, since attention is; everything else is time-major. */
export interface EncoderInputs {
  /** int32 `[sequence, batch]` */
  ids: Value
  /** int32 `[sequence, batch]` */
  typeIds: Value
  /** int32 `[sequence]`: 0, 1, 2, … */
  positions: Value
  /** float32 `[batch, sequence]`: 1 for tokens, 0 for padding */
  mask: Value
}

export function encoderInputs(graph: Graph): EncoderInputs {
  return {
    ids: graph.input('ids', 'int32', ['sequence', 'batch']),
    typeIds: graph.input('typeIds', 'int32', ['sequence', 'batch']),
    positions: graph.input('positions', 'int32', ['sequence']),
    mask: graph.input('mask', 'float32', ['batch', 'sequence']),
  }
}

export interface EncodeOptions {
  sites?: Sites
  /** The only position of the last hidden state that is read: the last layer computes no other. */
  only?: 'first' | 'last'
  /**
   * Called for each layer with its output.
   *
   * @param again the layer's output from the same input with other sites
   */
  onLayer?(layer: number, output: Value, again: (sites: Sites) => Value): void
}

/** Where the adapters library keeps a changed linear layer's parameters. */
export interface ProjectionPath {
  /** The linear layer's path: `<path>.loras.<adapter>.lora_A`. */
  path: string
  /**
   * In a layer that computes query (0), key (1) and value (2) at once: which of the three this is. The parameters of
   * those that are changed lie one after the other in that order: with n of them `lora_A [n·r, inputSize]` and
   * `lora_B [n·outputSize, r]`, and one gate that gives n numbers.
   */
  merged?: { index: 0 | 1 | 2 }
  /** Its weight is held `[in, out]` instead of `[out, in]`. */
  inputFirst?: boolean
  inputSize: number
  outputSize: number
}

export interface NamedShape {
  readonly name: string
  readonly shape: readonly number[]
  /** Computed by a formula: no method trains it. */
  readonly fixed?: boolean
}

/** Where a checkpoint keeps what turns the last hidden state into tokens. Paths are those of the state dict. */
export type LanguageModelNames = {
  /** The backbone's word embeddings, with which the decoder shares its weights. */
  wordEmbeddings: string
  /** The decoder's weights where it has its own. */
  decoder: string
} & (
  | {
      kind: 'masked'
      /** A linear layer, an activation and a layer norm before the decoder. */
      transform: string
      norm: string
      /** The decoder's bias, under any of these names. */
      biases: readonly string[]
      activation(config: BackboneConfig): BackboneConfig['activation']
    }
  | { kind: 'causal' }
)

/** All that differs from one kind of backbone to another. Names are those of the state dict, without the model's prefix. */
export interface Architecture {
  /** Hugging Face's prefix of the backbone in a checkpoint with a head (`bert.`). */
  prefix: string
  /** The backbone's tensors in canonical order. */
  tensors(config: BackboneConfig): NamedShape[]
  /**
   * The backbone's graph.
   *
   * @returns the hidden states as Hugging Face counts them: embeddings first, then every layer's,
   *   `[sequence, batch, hidden]`. With `only` the last may be `[1, batch, hidden]`: that position alone
   */
  encode(build: Build, config: BackboneConfig, inputs: EncoderInputs, options?: EncodeOptions): Value[]
  /** The most tokens of one text. */
  maximumLength(config: BackboneConfig): number
  /** Where the adapters library keeps a place's adapters and fusions: `<path>.adapters.<adapter>`. */
  sitePath(layer: number, place: Place): string
  projectionPath(config: BackboneConfig, layer: number, projection: Projection): ProjectionPath
  /** The linear layer `<path>.<adapter>` that gates a layer's prefix. */
  prefixGatePath(layer: number): string
  /** The library's name for self-attention among the places of prefixes. */
  prefixLocation: string
  languageModel: LanguageModelNames
  /** Which position a classification head reads by default. */
  reads: 'first' | 'last'
}

export const architectures: Record<BackboneConfig['architecture'], Architecture> = {
  bert,
  roberta,
  distilbert: distilBert,
  gpt2,
}

export function architectureOf(config: BackboneConfig): Architecture {
  return architectures[config.architecture]
}
