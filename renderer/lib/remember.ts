/** Small habits (theme, panel sizes) kept between visits; a browser that forbids storage only forgets them. */

export function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(`workbench.${key}`) ?? undefined
  } catch {
    return undefined
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`workbench.${key}`, value)
  } catch {
    // Nothing depends on it.
  }
}
