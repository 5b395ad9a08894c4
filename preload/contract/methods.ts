import { z } from 'zod'

import type { BlockKind } from './composition.ts'
import type { GraphCost, ParameterGroup } from './runs.ts'

/** A method by its preset's name and the options that differ from the preset's. The method's own schema checks them. */
export const MethodChoice = z
  .object({ name: z.string().min(1), options: z.record(z.string(), z.unknown()).default({}) })
  .strict()
export type MethodChoice = z.infer<typeof MethodChoice>

/** Non-linearities of adapters and heads, under the adapters library's names and Hugging Face's. */
export const activationNames = [
  'relu',
  'leakyrelu',
  'leaky_relu',
  'relu2',
  'relu6',
  'gelu',
  'gelu_new',
  'gelu_pytorch_tanh',
  'gelu_accurate',
  'gelu_fast',
  'gelu_python',
  'gelu_10',
  'quick_gelu',
  'swish',
  'silu',
  'mish',
  'laplace',
  'tanh',
  'sigmoid',
  'linear',
] as const
export type Activation = (typeof activationNames)[number]

export const HeadChoice = z
  .object({
    layers: z.number().int().min(1).max(4).default(2),
    /** Between the layers, where there are several. */
    activation: z.enum(activationNames).default('tanh'),
    /** What it reads: one token's state or the mean of all; `auto` is the token that suits the backbone. */
    pooling: z.enum(['auto', 'first', 'last', 'mean']).default('auto'),
    dropout: z.number().min(0).max(0.9).default(0),
  })
  .strict()
export type HeadChoice = z.infer<typeof HeadChoice>

/** One option as a form renders it: kind, bounds, default, and a hint in plain words. */
export interface OptionField {
  name: string
  label: string
  hint: string
  kind: 'number' | 'integer' | 'boolean' | 'choice' | 'text'
  default: unknown
  minimum?: number
  maximum?: number
  choices?: string[]
  /** It may be one for each layer as well: `{"0": 4, "default": 16}`. */
  perLayer?: true
  /** Shown only when the user asks for all options. */
  advanced: boolean
}

export type MethodFamily = 'adapter' | 'fusion' | 'drop' | 'mam' | 'baseline'

export interface MethodDescription {
  name: string
  label: string
  family: MethodFamily
  /** One sentence: what it does. */
  summary: string
  /** Paper or library it follows. */
  source: string
  fields: OptionField[]
  /** Learning rate of the default recipe. */
  learningRate: number
  /** Trained adapters that it builds on: none, one or more, or none or one for each task, which its own begins with. */
  takes: 'none' | 'adapters' | 'perTask'
  /** Whether several datasets may be trained together with it. */
  manyTasks: boolean
  /** What it makes of the adapters that it puts together; left out: it puts none together. */
  block?: MethodBlock
}

/** The block that a method makes, or `nested` for one that makes any, as its option `composition` says. */
export interface MethodBlock {
  kind: BlockKind | 'nested'
  /** Options of the nested method with which it computes the same. */
  nested?: Readonly<Record<string, unknown>>
  /** What the nested method does otherwise, as a clause for the user; left out: nothing, but for options that it lacks. */
  nestedLoss?: string
}

export interface ParameterCount {
  trainable: number
  head: number
  /** Trained parameters by group; those of which nothing is trained are left out. */
  groups: Partial<Record<ParameterGroup, number>>
  backbone: number
  /** trainable / backbone */
  share: number
  /** Of one example of the given length. */
  cost: GraphCost
}
