/** The keyboard outside of fields: single keys and `g` followed by a letter. */

export interface Shortcut {
  /** `?`, `/`, ` `, `g d`, `mod+k`. */
  keys: string
  label: string
  run: (event: KeyboardEvent) => void
}

const active: Shortcut[] = $state([])

/** Adds a view's shortcuts until the returned function is called; the last added wins. */
export function addShortcuts(shortcuts: Shortcut[]): () => void {
  active.push(...shortcuts)
  return () => {
    for (const shortcut of shortcuts) {
      const index = active.findIndex(
        (entry) => entry.keys === shortcut.keys && entry.label === shortcut.label,
      )
      if (index >= 0) active.splice(index, 1)
    }
  }
}

/** Those in force, for the help dialog. */
export function activeShortcuts(): readonly Shortcut[] {
  return active
}

/** Whether typing goes into this element, so that plain keys are text there. */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (
    target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  )
    return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type)
}

let prefix = ''
let prefixTimer: ReturnType<typeof setTimeout> | undefined

/** The window's keydown handler. */
export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented) return
  const modified = event.ctrlKey || event.metaKey
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  const name = modified ? `mod+${key}` : prefix === '' ? key : `${prefix} ${key}`
  if (!modified && (event.altKey || takesText(event.target) || insideDialog(event.target))) return
  // Esc closes what is open before it means anything else.
  if (key === 'Escape' && document.querySelector(':popover-open') !== null) return
  clearPrefix()
  const shortcut = active.findLast((entry) => entry.keys === name)
  if (shortcut !== undefined) {
    // Space on a button or a checkbox is that control's own.
    if (name === ' ' && isControl(event.target)) return
    event.preventDefault()
    shortcut.run(event)
  } else if (name === 'g') {
    prefix = 'g'
    prefixTimer = setTimeout(clearPrefix, 1500)
  }
}

function clearPrefix(): void {
  prefix = ''
  clearTimeout(prefixTimer)
}

function insideDialog(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('dialog') !== null
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button, a, input, summary, [role="slider"]') !== null
}
