import { isDeepStrictEqual } from 'node:util'

/** What an adapter computes does not depend on these. */
const trainingOptions = ['dropout', 'init_weights']

type Options = Readonly<Record<string, unknown>>

/**
 * The first option by which two adapters compute otherwise, with its values as JSON; `other options` where the second
 * lacks one that the first has; undefined where they compute alike.
 *
 * @param one all options that count
 * @param other may have further ones
 */
export function optionsDifference(
  one: Options,
  other: Options,
): { name: string; one: string; other: string } | 'other options' | undefined {
  const names = Object.keys(one).filter((name) => !trainingOptions.includes(name))
  if (!names.every((name) => name in other)) return 'other options'
  const differing = names.find((name) => !isDeepStrictEqual(one[name], other[name]))
  return differing === undefined
    ? undefined
    : { name: differing, one: written(one[differing]), other: written(other[differing]) }
}

function written(value: unknown): string {
  return JSON.stringify(value)
}
