import { z } from 'zod'

import { WorkbenchError } from '../../preload/contract.ts'

/** A form and a command line send words where a configuration has booleans, numbers or lists. */
const words: Record<string, unknown> = { true: true, false: false }

export const fromWord = (value: unknown): unknown =>
  typeof value === 'string' ? (words[value] ?? value) : value

/** `"0, 2 3"` → `[0, 2, 3]` */
export function numberList(value: unknown): unknown {
  if (typeof value !== 'string') return value
  return value
    .split(/[\s,;]+/)
    .filter((word) => word !== '')
    .map(Number)
}

/** `"4"` → 4, `'{"0": 4}'` → an object; other words stay as they are. */
export function numberFromWord(value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() === '') return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

/** An option that is on or off, with its title and its hint in plain words. */
export function flag(fallback: boolean, title: string, description: string, advanced = false) {
  return z
    .preprocess(fromWord, z.boolean())
    .default(fallback)
    .meta({ title, description, kind: 'boolean', advanced })
}

/** Whether a method trains the adapters that it builds on. */
export const trainAdapters = flag(
  false,
  'Train the adapters too',
  'Let the adapters change together with what is new instead of keeping them as trained.',
)

/** Layers by their numbers, also as text with commas between. */
export function layerList(fallback: number[], title: string, description: string) {
  return z
    .preprocess(numberList, z.array(z.number('layers are numbers, from 0').int().min(0)))
    .default(fallback)
    .meta({ title, description, kind: 'text', advanced: true })
}

/** Some of a few words, also as text with commas between. */
export function wordList<const Word extends string>(
  words: readonly Word[],
  fallback: Word[],
  about: { title: string; description: string; advanced?: boolean },
) {
  const list = (value: unknown): unknown =>
    typeof value === 'string' ? value.split(/[\s,;]+/).filter((word) => word !== '') : value
  return z
    .preprocess(list, z.array(z.enum(words, `must be one or more of ${words.join(', ')}`)))
    .default(fallback)
    .meta({ ...about, kind: 'text' })
}

/** A share of values that is set to 0 at random while training. */
export function dropoutRate(fallback: number, description: string) {
  return z.number().min(0).max(0.9).default(fallback).meta({ title: 'Dropout', description })
}

/**
 * Refuses layers that the backbone does not have.
 *
 * @param option that names them
 * @throws WorkbenchError `bad-input`
 */
export function checkLayers(option: string, named: readonly number[], layers: number): void {
  const beyond = named.find((layer) => layer >= layers)
  if (beyond !== undefined) {
    throw new WorkbenchError(
      'bad-input',
      `option "${option}" names layer ${beyond}; this model has the layers 0 to ${layers - 1}`,
    )
  }
}

/**
 * Refuses layers to be left out that the backbone does not have, or that are all it has.
 *
 * @throws WorkbenchError `bad-input`
 */
export function checkLeaveOut(leaveOut: readonly number[], layers: number): void {
  checkLayers('leave_out', leaveOut, layers)
  if (new Set(leaveOut).size === layers) {
    throw new WorkbenchError('bad-input', 'option "leave_out" names every layer; keep at least one')
  }
}
