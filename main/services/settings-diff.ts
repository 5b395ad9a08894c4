/** A configuration's settings by path (`training.learningRate`); lists stay whole, what is undefined is left out. */
export function flattenSettings(settings: object, prefix = ''): Map<string, unknown> {
  const flat = new Map<string, unknown>()
  for (const [name, value] of Object.entries(settings)) {
    const path = prefix === '' ? name : `${prefix}.${name}`
    if (value === undefined) continue
    if (typeof value !== 'object' || value === null || Array.isArray(value)) flat.set(path, value)
    else for (const [inner, own] of flattenSettings(value, path)) flat.set(inner, own)
  }
  return flat
}

/** The settings in which several configurations differ, as each has them. */
export function differingSettings(configs: readonly object[]): Record<string, unknown>[] {
  const flat = configs.map((config) => flattenSettings(config))
  const paths = [...new Set(flat.flatMap((own) => [...own.keys()]))].filter(
    (path) => new Set(flat.map((own) => JSON.stringify(own.get(path)))).size > 1,
  )
  return flat.map((own) =>
    Object.fromEntries(paths.flatMap((path) => (own.has(path) ? [[path, own.get(path)]] : []))),
  )
}
