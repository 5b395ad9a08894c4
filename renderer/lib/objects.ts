/** Looks at plain objects. */

/** Paths whose values are not all the same, in alphabetical order. */
export function differingPathsOf(all: readonly Record<string, unknown>[]): string[] {
  const paths = [...new Set(all.flatMap((own) => Object.keys(own)))]
  return paths.filter((path) => new Set(all.map((own) => JSON.stringify(own[path]))).size > 1).sort()
}

/** An object without one of its keys. */
export function without<T extends object, Key extends keyof T>(object: T, key: Key): Omit<T, Key> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key)) as Omit<T, Key>
}
