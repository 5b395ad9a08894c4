/** Hands the user a file made in the page. */
export function download(name: string, content: Blob | string, type = 'text/plain'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type }) : content
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  // The download has begun by the next turn; the address may go a while later.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** A title as a file name: `Validation score` gives `validation-score`. */
export function fileStem(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
}
