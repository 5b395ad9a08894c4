import { z } from 'zod'

import { WorkbenchError } from '../../../preload/contract.ts'
import { Stage } from './library.ts'

/** A stretch of the encoded input: special tokens, or one of the two texts. */
export type Part = { ids: readonly number[]; typeId: number } | { text: 'first' | 'second'; typeId: number }

/** How special tokens are put around one text and around a pair. */
export interface Template {
  single: readonly Part[]
  pair: readonly Part[]
}

const TemplatePart = z.union([
  z.object({ SpecialToken: z.object({ id: z.string(), type_id: z.number() }) }),
  z.object({ Sequence: z.object({ id: z.enum(['A', 'B']), type_id: z.number() }) }),
])
const TemplateStage = z.looseObject({
  single: z.array(TemplatePart),
  pair: z.array(TemplatePart),
  special_tokens: z.record(z.string(), z.looseObject({ ids: z.array(z.number()) })),
})
const SpecialToken = z.tuple([z.string(), z.number()])
const ClsSepStage = z.looseObject({ cls: SpecialToken, sep: SpecialToken })
const Processors = z.looseObject({ processors: z.array(Stage) })

const first = (typeId: number): Part => ({ text: 'first', typeId })
const second = (typeId: number): Part => ({ text: 'second', typeId })

const bare: Template = { single: [first(0)], pair: [first(0), second(1)] }

/** The template that a tokenizer.json's `post_processor` describes. */
export function makeTemplate(stage: Stage | undefined): Template {
  switch (stage?.type) {
    case undefined:
    case 'ByteLevel':
      return bare
    case 'TemplateProcessing': {
      const { single, pair, special_tokens: tokens } = TemplateStage.parse(stage)
      const part = (item: z.infer<typeof TemplatePart>): Part =>
        'Sequence' in item
          ? { text: item.Sequence.id === 'A' ? 'first' : 'second', typeId: item.Sequence.type_id }
          : { ids: tokens[item.SpecialToken.id]?.ids ?? [], typeId: item.SpecialToken.type_id }
      return { single: single.map(part), pair: pair.map(part) }
    }
    case 'BertProcessing': {
      const { cls, sep } = ClsSepStage.parse(stage)
      const special = (token: typeof cls, typeId: number): Part => ({ ids: [token[1]], typeId })
      const single = [special(cls, 0), first(0), special(sep, 0)]
      return { single, pair: [...single, second(1), special(sep, 1)] }
    }
    case 'RobertaProcessing': {
      const { cls, sep } = ClsSepStage.parse(stage)
      const special = (token: typeof cls): Part => ({ ids: [token[1]], typeId: 0 })
      const single = [special(cls), first(0), special(sep)]
      return { single, pair: [...single, special(sep), second(0), special(sep)] }
    }
    case 'Sequence': {
      // Of several processors only one adds tokens in the files that are about; the others trim offsets.
      const templates = Processors.parse(stage).processors.map(makeTemplate)
      return templates.find((template) => template !== bare) ?? bare
    }
    default:
      throw new WorkbenchError('unsupported', `the post-processor "${stage?.type}" is not supported`)
  }
}

export interface EncodedText {
  ids: number[]
  /** Which text each token belongs to, as the model was taught: 0, or 1 for the second of a pair. */
  typeIds: number[]
}

/** Cuts the texts to what fits and puts the special tokens around them. */
export function applyTemplate(
  template: Template,
  firstIds: readonly number[],
  secondIds: readonly number[] | undefined,
  maximumLength: number,
): EncodedText {
  const parts = secondIds === undefined ? template.single : template.pair
  const specials = parts.reduce((total, part) => total + ('ids' in part ? part.ids.length : 0), 0)
  const room = maximumLength - specials
  if (room < 0) {
    throw new WorkbenchError(
      'bad-input',
      `maximumLength: ${maximumLength} tokens are fewer than the ${specials} special tokens of this tokenizer.`,
    )
  }
  const [firstLength, secondLength] = truncatedLengths(firstIds.length, secondIds?.length ?? 0, room)
  const ids: number[] = []
  const typeIds: number[] = []
  const add = (source: readonly number[], length: number, typeId: number) => {
    for (let index = 0; index < length; index++) {
      ids.push(source[index] ?? 0)
      typeIds.push(typeId)
    }
  }
  for (const part of parts) {
    if ('ids' in part) add(part.ids, part.ids.length, part.typeId)
    else if (part.text === 'first') add(firstIds, firstLength, part.typeId)
    else add(secondIds ?? [], secondLength, part.typeId)
  }
  return { ids, typeIds }
}

/**
 * How many tokens of each text are kept: the longer one is cut first, to no less than half of the room
 * (`longest_first` of Hugging Face's tokenizers: where both are too long, the longer one gets the odd token).
 */
function truncatedLengths(firstLength: number, secondLength: number, room: number): [number, number] {
  if (firstLength + secondLength <= room) return [firstLength, secondLength]
  const shorter = Math.min(firstLength, secondLength, Math.floor(room / 2))
  const longer = room - shorter
  return firstLength > secondLength ? [longer, shorter] : [shorter, longer]
}
