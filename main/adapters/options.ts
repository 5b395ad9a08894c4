import { z } from 'zod'

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
