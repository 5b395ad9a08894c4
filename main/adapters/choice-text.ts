import { WorkbenchError, type MethodChoice } from '../../preload/contract.ts'

/**
 * Methods as one writes them, with a plus between: `lora[r=4] + seq_bn[leave_out=[0,1]]`. Values are numbers, true,
 * false, lists in JSON, or words.
 *
 * @throws WorkbenchError `bad-input` where it does not parse
 */
export function parseChoices(text: string): MethodChoice[] {
  return splitOutsideBrackets(text, '+').map((choice) => {
    const [, name, list = ''] = /^\s*([\w.-]+)\s*(?:\[(.*)\])?\s*$/s.exec(choice) ?? []
    if (name === undefined) {
      throw new WorkbenchError(
        'bad-input',
        `"${choice.trim()}" cannot be read as a method: write name or name[option=value, …], with + between methods`,
      )
    }
    return { name, options: Object.fromEntries(splitOutsideBrackets(list, ',').map(parseOption)) }
  })
}

function parseOption(text: string): [string, unknown] {
  const [, name, value = ''] = /^\s*(\w+)\s*=(.*)$/s.exec(text) ?? []
  if (name === undefined) {
    throw new WorkbenchError('bad-input', `"${text.trim()}" cannot be read as an option: write option=value`)
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
    if ('[{'.includes(character)) depth++
    else if (']}'.includes(character)) depth--
    if (character === separator && depth === 0) parts.push('')
    else parts.push(`${parts.pop() ?? ''}${character}`)
  }
  return parts.filter((part) => part.trim() !== '')
}
