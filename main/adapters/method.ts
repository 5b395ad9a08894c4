import { z } from 'zod'

import {
  WorkbenchError,
  type MethodBlock,
  type MethodChoice,
  type MethodDescription,
  type MethodFamily,
  type OptionField,
} from '../../preload/contract.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { Build, Sites } from '../models/sites.ts'
import type { LoraOptions } from './lora-options.ts'
import type { AdapterParts } from './parts.ts'
import type { PrefixOptions } from './prefix-options.ts'

/** How a parameter's values begin; `pretrained` are the checkpoint's. Formulas as in `torch.nn.init`. */
export type Initialization =
  | { kind: 'normal'; deviation: number }
  | { kind: 'truncated-normal'; deviation: number }
  /** Uniform in ±1/√fanIn, which is Kaiming's with a = √5. */
  | { kind: 'kaiming-uniform'; fanIn: number }
  | { kind: 'constant'; value: number }
  /** The weighted sum of trained adapters' parameters. */
  | { kind: 'average'; of: readonly { name: string; weight: number }[] }
  /** 1 on the diagonal of a square matrix. */
  | { kind: 'identity'; elsewhere: number }
  | { kind: 'pretrained' }

/** Parameters that may have a learning rate of their own. */
export type ParameterGroup = 'adapter' | 'fusion' | 'head' | 'backbone'

/** A parameter that a method trains. */
export interface ParameterSpec {
  /** In the adapter library's state dict, without the model's prefix. */
  name: string
  shape: readonly number[]
  group: ParameterGroup
  initialization: Initialization
}

/** What of a method one graph contains. A graph is compiled for each that is in use. */
export interface Variant {
  /** The first so many layers carry no adapter (AdapterDrop). */
  droppedLayers?: number
  /** The task adapters that take part, by index, for each layer; left out: all of them. */
  active?: readonly (readonly number[])[]
  /** Parts of a united method that are switched off, by name. */
  without?: readonly string[]
}

/** What a method's graph is built for. */
export interface Situation {
  /** Whose example it is, of the tasks trained together. */
  task: number
  variant: Variant
}

/** A method's random choices for one training batch. */
export interface StepDraw {
  variant: Variant
  /**
   * Values of the inputs that the method asked `build.given` for; the first dimension is the batch's, of which
   * micro-batches take their rows.
   */
  feeds?: Readonly<Record<string, { data: Float32Array; shape: readonly number[] }>>
}

/** A trained adapter that a method builds on, under the name of its parameters in the state dict. */
export interface NamedAdapter {
  name: string
  /** The method that it was trained with. */
  choice: MethodChoice
  /** That method's options, those that the choice leaves out as well. */
  options: Readonly<Record<string, unknown>>
  method: PreparedMethod
  /** The same adapter under another name: its parameters in the same order. */
  renamed(name: string): PreparedMethod
}

/** A trained adapter, by the method that it was trained with, under a name of its own. */
export function namedAdapter(
  method: Method,
  options: Record<string, unknown>,
  config: BackboneConfig,
  name: string,
): NamedAdapter {
  const renamed = (under: string): PreparedMethod =>
    method.prepare(options, { config, adapterName: under, tasks: [under], adapters: [] })
  const choice = { name: method.name, options }
  return { name, choice, options: method.complete(options), method: renamed(name), renamed }
}

/** The pieces of adapters, for a composition of them. */
export function partsOf(
  adapters: readonly Pick<NamedAdapter, 'name' | 'method'>[],
): Map<string, AdapterParts> {
  return new Map(
    adapters.map(({ name, method: { parts } }) => {
      if (!parts) {
        throw new WorkbenchError(
          'bad-input',
          `"${name}" cannot be composed with others: it is no single adapter`,
        )
      }
      return [name, parts]
    }),
  )
}

/** What a method is prepared for. */
export interface PrepareContext {
  config: BackboneConfig
  /** Under which its parameters stand in the state dict. */
  adapterName: string
  /** Names of the tasks that are trained together: at least one. */
  tasks: readonly string[]
  /** Trained adapters that it takes, frozen unless it says otherwise; those of `perTask` in the order of the tasks. */
  adapters: readonly NamedAdapter[]
}

/** A method with its options, ready for one backbone. */
export interface PreparedMethod {
  /** Those it trains. */
  parameters: readonly ParameterSpec[]
  sites(build: Build, situation: Situation): Sites
  /** Whether a layer has bottleneck adapters that `droppedLayers` takes away; left out: no layer has. */
  carriesBottleneck?(layer: number): boolean
  /** What compositions combine it from; left out where it cannot be part of one. */
  parts?: AdapterParts
  /** Names of the parts that it unites, each of which a variant may switch off; left out: it is one. */
  united?: readonly string[]
  /**
   * The single adapters that its training leaves, each to be built on by itself; left out: the method is one, or
   * leaves none. `task`: whose it is, where each task has its own.
   */
  leaves?: readonly { name: string; choice: MethodChoice; task?: number }[]
  /**
   * The random choices of one training step.
   *
   * @param uniform numbers in [0, 1) of a stream of their own for each purpose
   * @param batch examples in the batch
   */
  draw?(uniform: (purpose: string, count: number) => Float32Array, batch: number): StepDraw
  /** Of the variants that it draws, the one that has all that any of them has; left out: the whole method. */
  widest?: Variant
  /**
   * How much each task adapter counts, per layer: `[layers][tasks]`, for those that have several.
   *
   * @param value a trained parameter's values by its name
   */
  gates?(value: (name: string) => Float32Array): number[][]
  tally?: Tally
}

/** Figures of a method over an epoch's training batches, from counts that its graph reveals. */
export interface Tally {
  /** Revealed values that are added up, batch by batch. */
  revealed: readonly string[]
  /** @param sums of each revealed value, undefined where no batch had it @returns figures by name */
  figures(sums: Readonly<Record<string, readonly number[] | undefined>>): Record<string, number>
}

/**
 * Refuses trained adapters that a fusion cannot weigh.
 *
 * @throws WorkbenchError `bad-input`
 */
export function refuseUnfusable(adapters: readonly NamedAdapter[]): void {
  for (const { name, method } of adapters) {
    const { parts } = method
    if (!parts?.bottleneck) {
      throw new WorkbenchError(
        'bad-input',
        `"${name}" cannot be fused: AdapterFusion weighs the outputs of bottleneck adapters, and this one has none`,
      )
    }
    if (parts.prefix || parts.projection) {
      throw new WorkbenchError(
        'bad-input',
        `"${name}" cannot be fused: besides its bottleneck it changes the attention itself (prefixes or linear layers), ` +
          'which has no output of its own to weigh against the other adapters’',
      )
    }
  }
}

/**
 * Refuses an invertible adapter that would have no effect: of several adapters the first alone may change the
 * embeddings, as in the adapters library.
 *
 * @throws WorkbenchError `bad-input`
 */
export function refuseIdleEmbeddings(adapters: readonly NamedAdapter[]): void {
  const idle = adapters.slice(1).find(({ method }) => method.parts?.embeddings)
  if (!idle) return
  throw new WorkbenchError(
    'bad-input',
    `"${idle.name}" has an invertible adapter at the embeddings, which works for the first of several adapters alone; ` +
      'name it first, or train it without inv_adapter',
  )
}

/** All layers and task adapters. */
export const wholeMethod: Situation = { task: 0, variant: {} }

export interface Method extends Omit<MethodDescription, 'fields'> {
  fields(): OptionField[]
  /**
   * All options, at their defaults where they are not given.
   *
   * @throws WorkbenchError `bad-input` naming the option
   */
  complete(options: unknown): Record<string, unknown>
  /**
   * Checks the options and says what the method adds to a backbone.
   *
   * @param options those that differ from the defaults, as given by the user
   * @throws WorkbenchError `bad-input` naming the option
   */
  prepare(options: unknown, context: PrepareContext): PreparedMethod
  /**
   * A trained adapter without the network that made its prefix, which then computes the same; left out where the method
   * has no prefix. Its parameters have the same names, but for the prefix's.
   *
   * @param given as for `prepare`
   * @returns undefined where the prefix is learned directly
   */
  eject?(given: Readonly<Record<string, unknown>>, config: BackboneConfig): EjectedPrefix | undefined
  /** The change of linear layers that it is, so that it can be merged into them; left out where it is more than that. */
  merge?(given: unknown): LoraOptions
}

export interface EjectedPrefix {
  /** The prefix with its network. */
  prefix: PrefixOptions
  /** The method that has the prefix without one. */
  method: MethodChoice
}

/** What tells one of several variants of a method from the others, for whoever chooses among them. */
export interface Preset {
  name: string
  label: string
  /** In plain words. */
  summary: string
  /** Where it was published, and its name in the adapters library. */
  source: string
}

interface MethodDefinition<Schema extends z.ZodType> extends Preset {
  family: MethodFamily
  learningRate: number
  /** Which trained adapters it takes; default: none. */
  takes?: MethodDescription['takes']
  /** Whether several tasks may be trained together with it; default: one. */
  manyTasks?: boolean
  /** Which block it makes of several adapters; default: none. */
  block?: MethodBlock
  /** Every option has a default; `meta` carries its title, its hint in plain words and whether it is advanced. */
  options: Schema
  prepare(options: z.output<Schema>, context: PrepareContext): PreparedMethod
  /** @param given those of the options that the user gave, for the new method's choice */
  eject?(
    options: z.output<Schema>,
    config: BackboneConfig,
    given: Readonly<Record<string, unknown>>,
  ): EjectedPrefix | undefined
  merge?(options: z.output<Schema>): LoraOptions
}

/** A method's declaration with its options' type folded away, as the registry holds it. */
export function defineMethod<Schema extends z.ZodType>(definition: MethodDefinition<Schema>): Method {
  const {
    options: schema,
    prepare,
    eject,
    merge,
    takes = 'none',
    manyTasks = false,
    ...description
  } = definition
  const parse = (options: unknown): z.output<Schema> => {
    const parsed = schema.safeParse(options)
    if (parsed.success) return parsed.data
    throw new WorkbenchError('bad-input', `method ${definition.name}${problemOf(parsed.error, schema)}`)
  }
  return {
    ...description,
    takes,
    manyTasks,
    fields: () => optionFields(schema),
    complete: (options) => Options.parse(parse(options)),
    prepare(options, context) {
      refuseContext({ name: definition.name, takes, manyTasks }, context)
      return prepare(parse(options), context)
    },
    ...(eject ? { eject: (given, config) => eject(parse(given), config, given) } : {}),
    ...(merge ? { merge: (given) => merge(parse(given)) } : {}),
  }
}

const Options = z.record(z.string(), z.unknown())

/** What is wrong with a method's options, as the end of a sentence that begins with its name. */
function problemOf({ issues }: z.ZodError, schema: z.ZodType): string {
  const [issue] = issues
  if (issue?.code === 'unrecognized_keys' && issue.path.length === 0) {
    const known = optionFields(schema).map(({ name }) => name)
    return (
      ` has no option ${issue.keys.map((key) => `"${key}"`).join(', ')}; ` +
      (known.length > 0 ? `it has ${known.join(', ')}` : 'it has none')
    )
  }
  const option = issue?.path.join('.') ?? ''
  return `${option ? `, option "${option}"` : ''}: ${issue?.message ?? 'not usable'}`
}

/** Refuses trained adapters or tasks that the method has no use for, or too few of them. */
function refuseContext(
  { name, takes, manyTasks }: Pick<Method, 'name' | 'takes' | 'manyTasks'>,
  { adapters, tasks }: PrepareContext,
): void {
  const refuse = (why: string): never => {
    throw new WorkbenchError('bad-input', `method ${name} ${why}`)
  }
  if (takes === 'none' && adapters.length > 0) refuse('takes no trained adapters; leave them out')
  if (takes === 'adapters' && adapters.length === 0)
    refuse('needs trained adapters to build on; name at least one')
  if (takes === 'perTask' && adapters.length > 0 && adapters.length !== tasks.length) {
    refuse(
      `begins with one trained adapter for each task, in the order of the datasets: ${adapters.length} for ` +
        `${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'} were given; name one for each, or none`,
    )
  }
  if (!manyTasks && tasks.length > 1) refuse(`trains one task at a time; ${tasks.length} datasets were given`)
}

/** What a schema's `meta` may say beside zod's own `title` and `description`. */
const FieldMeta = z.object({
  title: z.string(),
  description: z.string(),
  advanced: z.boolean().default(false),
  choices: z.array(z.string()).optional(),
  kind: z.enum(['number', 'integer', 'boolean', 'choice', 'text']).optional(),
  type: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  perLayer: z.literal(true).optional(),
})

/** The form fields of a schema of options, read from its JSON schema. */
function optionFields(schema: z.ZodType): OptionField[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  // The JSON schema of an option that is preprocessed leaves its default out; parsing nothing gives them all.
  const defaults = Options.parse(schema.parse({}))
  return Object.entries(properties).map(([name, property]): OptionField => {
    const meta = FieldMeta.parse(property)
    const choices = meta.choices ?? meta.enum
    return {
      name,
      label: meta.title,
      hint: meta.description,
      kind: meta.kind ?? (choices ? 'choice' : kindOf(meta.type)),
      default: defaults[name],
      ...(meta.minimum === undefined ? {} : { minimum: meta.minimum }),
      ...(meta.maximum === undefined ? {} : { maximum: meta.maximum }),
      ...(choices ? { choices } : {}),
      ...(meta.perLayer ? { perLayer: true } : {}),
      advanced: meta.advanced,
    }
  })
}

function kindOf(type: unknown): OptionField['kind'] {
  if (type === 'boolean' || type === 'integer' || type === 'number') return type
  return 'text'
}
