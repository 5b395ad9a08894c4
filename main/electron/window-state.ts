import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

/** Where the window opens; without `x` and `y` the system centres it. */
export interface WindowState {
  x?: number
  y?: number
  width: number
  height: number
  maximized: boolean
}

export const minimumSize = { width: 800, height: 560 }
const preferredSize = { width: 1280, height: 840 }
/** Pixels of the window's upper edge that must lie on a display for the user to be able to take hold of it. */
const graspable = { width: 120, height: 40 }

/**
 * The window's state to open with: what was saved, as far as it still fits the displays that are there now.
 * @param saved what `readWindowState` gave, unchecked
 * @param workAreas the displays' usable areas, the primary one first
 */
export function restoreWindowState(saved: unknown, workAreas: readonly Rectangle[]): WindowState {
  const primary = workAreas[0]
  const fit = (size: { width: number; height: number }, area: Rectangle | undefined) => ({
    width: Math.min(Math.max(size.width, minimumSize.width), area?.width ?? size.width),
    height: Math.min(Math.max(size.height, minimumSize.height), area?.height ?? size.height),
  })
  const state = asRecord(saved)
  const { x, y, width, height } = state
  const maximized = state.maximized === true
  if (!isPixels(width) || !isPixels(height)) return { ...fit(preferredSize, primary), maximized }
  if (!isPixels(x) || !isPixels(y)) return { ...fit({ width, height }, primary), maximized }
  const area = workAreas.find((candidate) => isGraspable({ x, y, width }, candidate))
  if (area === undefined) return { ...fit({ width, height }, primary), maximized }
  return { x, y, ...fit({ width, height }, area), maximized }
}

/** The saved state, unchecked; undefined where there is none that can be read. */
export function readWindowState(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Missing or damaged: the window opens as on the first day.
    return undefined
  }
}

/** Writes beside the file and renames, so that an interrupted write never leaves half a state. */
export function writeWindowState(file: string, state: WindowState): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.new`, JSON.stringify(state))
  renameSync(`${file}.new`, file)
}

function isGraspable(edge: { x: number; y: number; width: number }, area: Rectangle): boolean {
  const across = Math.min(edge.x + edge.width, area.x + area.width) - Math.max(edge.x, area.x)
  const down = Math.min(edge.y + graspable.height, area.y + area.height) - Math.max(edge.y, area.y)
  return across >= graspable.width && down >= graspable.height
}

function isPixels(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value)
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
