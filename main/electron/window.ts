import { BrowserWindow, screen } from 'electron'

import { minimumSize, readWindowState, restoreWindowState, writeWindowState } from './window-state.ts'

export interface WindowOptions {
  url: string
  preload: string
  /** File that keeps size and position. */
  stateFile: string
  devTools: boolean
}

const saveDelayMs = 500

/** Opens the program's one window where it was left, and keeps its place in `stateFile`. */
export function openWindow({ url, preload, stateFile, devTools }: WindowOptions): BrowserWindow {
  const primary = screen.getPrimaryDisplay()
  const others = screen.getAllDisplays().filter((display) => display.id !== primary.id)
  const workAreas = [primary, ...others].map((display) => display.workArea)
  const { maximized, ...bounds } = restoreWindowState(readWindowState(stateFile), workAreas)
  const window = new BrowserWindow({
    ...bounds,
    minWidth: Math.min(minimumSize.width, bounds.width),
    minHeight: Math.min(minimumSize.height, bounds.height),
    title: 'Adapter Workbench',
    show: false,
    webPreferences: {
      preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools,
    },
  })
  if (maximized) window.maximize()
  keepState(window, stateFile)
  window.once('ready-to-show', () => window.show())
  void window.loadURL(url)
  return window
}

export function focusWindow(window: BrowserWindow | undefined): void {
  if (window === undefined) return
  if (window.isMinimized()) window.restore()
  window.show()
  window.focus()
}

function keepState(window: BrowserWindow, stateFile: string): void {
  let timer: NodeJS.Timeout | undefined
  const save = () => {
    clearTimeout(timer)
    try {
      writeWindowState(stateFile, { ...window.getNormalBounds(), maximized: window.isMaximized() })
    } catch (error) {
      console.error(`The window's place could not be kept in ${stateFile}: ${String(error)}`)
    }
  }
  const saveSoon = () => {
    clearTimeout(timer)
    timer = setTimeout(save, saveDelayMs)
  }
  window.on('resize', saveSoon)
  window.on('move', saveSoon)
  window.on('maximize', saveSoon)
  window.on('unmaximize', saveSoon)
  window.on('close', save)
  window.on('closed', () => clearTimeout(timer))
}
