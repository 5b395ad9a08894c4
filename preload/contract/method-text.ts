import { WorkbenchError } from './errors.ts'
import type { MethodChoice } from './methods.ts'

/**
 * A method as one writes it: `seq_bn`, `lora[r=4,leave_out=[0,1]]`. Values are numbers, true, false, lists and objects
 * in JSON, or words.
 *
 * @param further options in the same form, which come last
 * @throws WorkbenchError `bad-input` where it does not parse
 */
export function parseMethodChoice(text: string, further: readonly string[] = []): MethodChoice {
  const [, name, list = ''] = /^\s*([\w.-]+)\s*(?:\[(.*)\])?\s*$/s.exec(text) ?? []
  if (name === undefined) {
    throw new WorkbenchError(
      'bad-input',
      `The method "${text.trim()}" cannot be read. Write a name, or name[option=value,option=value].`,
    )
  }
  const pairs = [...splitOutsideBrackets(list, ','), ...further]
  return { name, options: Object.fromEntries(pairs.map(parseOption)) }
}

/** Several methods with a plus between: `lora[r=4] + seq_bn`. */
export function parseMethodChoices(text: string): MethodChoice[] {
  return splitOutsideBrackets(text, '+').map((choice) => parseMethodChoice(choice))
}

/** Parts of a method that are switched off, in words: `nothing`, `prefix`, `all parts`. @param parts all that it has */
export function switchedOff(without: readonly string[], parts: readonly string[]): string {
  if (without.length === 0) return 'nothing'
  return without.length === parts.length ? 'all parts' : without.join(' + ')
}

function parseOption(text: string): [string, unknown] {
  const [, name, value = ''] = /^\s*(\w+)\s*=(.*)$/s.exec(text) ?? []
  if (name === undefined) {
    throw new WorkbenchError('bad-input', `The option "${text.trim()}" cannot be read. Write option=value.`)
  }
  try {
    return [name, JSON.parse(value) as unknown]
  } catch {
    return [name, value.trim()]
  }
}

function splitOutsideBrackets(text: string, separator: string): string[] {
  const parts = ['']
  let depth = 0
  for (const character of text) {
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    if (character === separator && depth === 0) parts.push('')
    else parts.push(`${parts.pop() ?? ''}${character}`)
  }
  return parts.filter((part) => part.trim() !== '')
}
