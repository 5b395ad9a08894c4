/** A configuration's settings by path (`training.learningRate`); lists stay whole, what is undefined is left out. */
function flattenSettings(settings: object, prefix = ''): Map<string, unknown> {
  const flat = new Map<string, unknown>()
  for (const [name, value] of Object.entries(settings)) {
    const path = prefix === '' ? name : `${prefix}.${name}`
    if (value === undefined) continue
    if (typeof value !== 'object' || value === null || Array.isArray(value)) flat.set(path, value)
    else for (const [inner, own] of flattenSettings(value, path)) flat.set(inner, own)
  }
  return flat
}

/** All settings of several configurations side by side, and whether they differ. */
export function compareSettings(
  configs: readonly object[],
): { path: string; values: unknown[]; differs: boolean }[] {
  const flat = configs.map((config) => flattenSettings(config))
  const paths = [...new Set(flat.flatMap((own) => [...own.keys()]))]
  return paths.map((path) => {
    const values = flat.map((own) => own.get(path))
    return { path, values, differs: new Set(values.map((value) => JSON.stringify(value))).size > 1 }
  })
}

/** The settings in which several configurations differ, as each has them. */
export function differingSettings(configs: readonly object[]): Record<string, unknown>[] {
  const differing = compareSettings(configs).filter(({ differs }) => differs)
  return configs.map((_, index) =>
    Object.fromEntries(
      differing.flatMap(({ path, values }) => (values[index] === undefined ? [] : [[path, values[index]]])),
    ),
  )
}
