import { z } from 'zod'

import {
  WorkbenchError,
  type MethodDescription,
  type MethodFamily,
  type OptionField,
} from '../../preload/contract.ts'
import type { BackboneConfig } from '../models/config.ts'
import type { Build, Sites } from '../models/sites.ts'

/** How a parameter's values begin; `pretrained` are the checkpoint's. Formulas as in `torch.nn.init`. */
export type Initialization =
  | { kind: 'normal'; deviation: number }
  | { kind: 'truncated-normal'; deviation: number }
  /** Uniform in ±1/√fanIn, which is Kaiming's with a = √5. */
  | { kind: 'kaiming-uniform'; fanIn: number }
  | { kind: 'constant'; value: number }
  | { kind: 'pretrained' }

/** A parameter that a method trains. */
export interface ParameterSpec {
  /** In the adapter library's state dict, without the model's prefix. */
  name: string
  shape: readonly number[]
  group: 'adapter' | 'head' | 'backbone'
  initialization: Initialization
}

/** A method with its options, ready for one backbone. */
export interface PreparedMethod {
  parameters: readonly ParameterSpec[]
  sites(build: Build): Sites
}

export interface Method extends Omit<MethodDescription, 'fields'> {
  fields(): OptionField[]
  /**
   * Checks the options and says what the method adds to a backbone.
   *
   * @param options those that differ from the defaults, as given by the user
   * @param adapterName under which its parameters stand in the state dict
   * @throws WorkbenchError `bad-input` naming the option
   */
  prepare(options: unknown, config: BackboneConfig, adapterName: string): PreparedMethod
}

interface MethodDefinition<Schema extends z.ZodType> {
  name: string
  label: string
  family: MethodFamily
  summary: string
  source: string
  learningRate: number
  /** Every option has a default; `meta` carries its title, its hint in plain words and whether it is advanced. */
  options: Schema
  prepare(options: z.output<Schema>, config: BackboneConfig, adapterName: string): PreparedMethod
}

/** A method's declaration with its options' type folded away, as the registry holds it. */
export function defineMethod<Schema extends z.ZodType>(definition: MethodDefinition<Schema>): Method {
  const { options: schema, prepare, ...description } = definition
  return {
    ...description,
    fields: () => optionFields(schema),
    prepare(options, config, adapterName) {
      const parsed = schema.safeParse(options)
      if (!parsed.success) {
        const issue = parsed.error.issues[0]
        const option = issue?.path.join('.') ?? ''
        throw new WorkbenchError(
          'bad-input',
          `method ${definition.name}${option ? `, option "${option}"` : ''}: ${issue?.message ?? 'not usable'}`,
        )
      }
      return prepare(parsed.data, config, adapterName)
    },
  }
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
})

/** The form fields of a schema of options, read from its JSON schema. */
function optionFields(schema: z.ZodType): OptionField[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  // The JSON schema of an option that is preprocessed leaves its default out; parsing nothing gives them all.
  const defaults = z.record(z.string(), z.unknown()).parse(schema.parse({}))
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
      advanced: meta.advanced,
    }
  })
}

function kindOf(type: unknown): OptionField['kind'] {
  if (type === 'boolean' || type === 'integer' || type === 'number') return type
  return 'text'
}
