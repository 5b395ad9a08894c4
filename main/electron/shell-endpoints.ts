import { existsSync } from 'node:fs'

import { app, dialog, shell, type BrowserWindow, type OpenDialogOptions } from 'electron'

import {
  endpoints,
  toContractError,
  WorkbenchError,
  type ParsedInputOf,
  type ShellHandlers,
} from '../../preload/contract.ts'
import type { Reply } from '../../preload/contract/channels.ts'

/** The endpoints that the shell answers itself. */
export function shellHandlers(window: () => BrowserWindow | undefined): ShellHandlers {
  return {
    'shell.openFiles': async (input) => {
      const parent = window()
      const options = openDialogOptions(input)
      const { filePaths } = await (parent
        ? dialog.showOpenDialog(parent, options)
        : dialog.showOpenDialog(options))
      return filePaths
    },
    // Shown in its parent folder, not opened: opening would start a program if the path named one.
    'shell.revealFolder': ({ path }) => {
      if (!existsSync(path)) throw new WorkbenchError('not-found', `There is no folder ${path}.`)
      shell.showItemInFolder(path)
    },
    // After the answer has gone out, so that the page does not wait for a program that is closing.
    'shell.quit': () => void setImmediate(() => app.quit()),
  }
}

/** Parses the input and calls the handler; whatever goes wrong becomes a reply. */
export async function answerShellCall(handlers: ShellHandlers, name: string, input: unknown): Promise<Reply> {
  try {
    return { ok: true, value: await call(handlers, name, input) }
  } catch (error) {
    return { ok: false, error: toContractError(error) }
  }
}

async function call(handlers: ShellHandlers, name: string, input: unknown): Promise<unknown> {
  if (name === 'shell.openFiles') return handlers[name](endpoints[name].input.parse(input))
  if (name === 'shell.revealFolder') return handlers[name](endpoints[name].input.parse(input))
  if (name === 'shell.quit') return handlers[name](endpoints[name].input.parse(input))
  throw new WorkbenchError('not-found', `There is no endpoint ${name}.`)
}

function openDialogOptions({
  title,
  kind,
  extensions = [],
}: ParsedInputOf<'shell.openFiles'>): OpenDialogOptions {
  if (kind === 'folder') return { title, properties: ['openDirectory'] }
  const named = extensions.map((extension) => extension.replace(/^\./, ''))
  const all = { name: 'All files', extensions: ['*'] }
  return {
    title,
    properties: ['openFile', 'multiSelections'],
    filters: named.length > 0 ? [{ name: named.join(', '), extensions: named }, all] : [all],
  }
}
