export interface Toast {
  id: number
  text: string
  kind: 'info' | 'error'
}

/** Messages about what happened elsewhere; errors of what is in view stand where they arose instead. */
export const toasts: Toast[] = $state([])

let next = 1

/** Shows a message; it goes by itself after six seconds, an error after twelve. */
export function toast(text: string, kind: Toast['kind'] = 'info'): void {
  const id = next
  next += 1
  toasts.push({ id, text, kind })
  setTimeout(() => dismissToast(id), kind === 'error' ? 12_000 : 6_000)
}

export function dismissToast(id: number): void {
  const index = toasts.findIndex((entry) => entry.id === id)
  if (index >= 0) toasts.splice(index, 1)
}
