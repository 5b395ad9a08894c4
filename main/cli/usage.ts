import { InvalidArgumentError } from 'commander'

import {
  ParameterGroup,
  parseMethodChoice,
  WorkbenchError,
  type MethodChoice,
} from '../../preload/contract.ts'

/** A command line that cannot be meant: the process ends with status 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** What fails a command whose result is on stdout already: with --json nothing may follow it there. */
export class Unsuccessful extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Unsuccessful'
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

export function collect(text: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), text]
}

/** `a,b, c`: what stands between the commas. @throws InvalidArgumentError where nothing does */
export function parseList(text: string): string[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (parts.length === 0) throw new InvalidArgumentError('Name at least one, with commas between several.')
  return parts
}

export function parseIntegers(text: string): number[] {
  return parseList(text).map(parseInteger)
}

/** What `--learning-rate` says: one rate for all, rates of single parameter groups, or both. */
export interface LearningRates {
  learningRate?: number
  groupLearningRates: Partial<Record<ParameterGroup, number>>
}

/** `1e-3`, `adapter=1e-3,head=1e-4`, or one rate and exceptions from it: `1e-3,head=1e-4`. */
export function parseLearningRates(text: string): LearningRates {
  const rates: LearningRates = { groupLearningRates: {} }
  for (const part of parseList(text)) {
    const at = part.indexOf('=')
    if (at < 0) {
      if (rates.learningRate !== undefined)
        throw new InvalidArgumentError('Give one rate, or group=rate with commas between.')
      rates.learningRate = parseNumber(part)
      continue
    }
    const group = ParameterGroup.safeParse(part.slice(0, at).trim())
    if (!group.success)
      throw new InvalidArgumentError(`The groups of parameters are ${ParameterGroup.options.join(', ')}.`)
    rates.groupLearningRates[group.data] = parseNumber(part.slice(at + 1))
  }
  return rates
}

/**
 * A method as it is written: `seq_bn`, or with options that differ from the preset's,
 * `seq_bn[reduction_factor=4,leave_out=[0,1]]`; further `--option key=value` come on top.
 * @throws UsageError where it does not parse
 */
export function parseMethod(text: string, further: readonly string[] = []): MethodChoice {
  try {
    return parseMethodChoice(text, further)
  } catch (error) {
    throw error instanceof WorkbenchError ? new UsageError(error.message) : error
  }
}
