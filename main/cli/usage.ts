import { InvalidArgumentError } from 'commander'

/** A command line that cannot be meant: the process ends with status 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** A run that was stopped on purpose before its end; `value` is what --json prints. */
export class Interrupted extends Error {
  readonly value: Record<string, unknown>

  constructor(message: string, value: Record<string, unknown>) {
    super(message)
    this.name = 'Interrupted'
    this.value = value
  }
}

export function parseNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

export function parseInteger(text: string): number {
  const value = parseNumber(text)
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.')
  return value
}

export function parsePort(text: string): number {
  const value = parseInteger(text)
  if (value < 0 || value > 65535)
    throw new InvalidArgumentError('It must be from 0 to 65535; 0: any free port.')
  return value
}

/** For a flag that may stand alone: `--header`, `--header no`. */
export function parseYesNo(text: string): boolean {
  if (/^(?:yes|true|1|on)$/i.test(text)) return true
  if (/^(?:no|false|0|off)$/i.test(text)) return false
  throw new InvalidArgumentError('It must be yes or no.')
}

/** `\t` and `tab` are what one can type for a tabulator. */
export function parseDelimiter(text: string): string {
  return text === '\\t' || text.toLowerCase() === 'tab' ? '\t' : text
}

export function collect(text: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), text]
}

/**
 * A method as it is written: `seq_bn`, or with options that differ from the preset's,
 * `seq_bn[reduction_factor=4,leave_out=[0,1]]`; further `--option key=value` come on top.
 * @throws UsageError where it does not parse
 */
export function parseMethod(
  text: string,
  further: string[] = [],
): { name: string; options: Record<string, unknown> } {
  const match = /^\s*([\w.-]+)\s*(?:\[(.*)\])?\s*$/s.exec(text)
  if (match === null) {
    throw new UsageError(
      `The method "${text}" cannot be read. Write a name, or name[option=value,option=value].`,
    )
  }
  const [, name = '', list] = match
  const pairs = [...(list === undefined ? [] : splitOutsideBrackets(list)), ...further]
  return { name, options: Object.fromEntries(pairs.map(parseOption)) }
}

function parseOption(text: string): [string, unknown] {
  const at = text.indexOf('=')
  const key = text.slice(0, at).trim()
  if (at < 1 || key === '') throw new UsageError(`The option "${text}" cannot be read. Write option=value.`)
  return [key, parseValue(text.slice(at + 1).trim())]
}

/** A number, true, false, a list in JSON; anything else is text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function splitOutsideBrackets(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (const [index, character] of [...text].entries()) {
    if ('[{'.includes(character)) depth++
    else if (']}'.includes(character)) depth--
    else if (character === ',' && depth === 0) {
      parts.push(text.slice(start, index))
      start = index + 1
    }
  }
  return [...parts, text.slice(start)].filter((part) => part.trim() !== '')
}
