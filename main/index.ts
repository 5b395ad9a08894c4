/** Entry of the desktop shell: one window, and the workbench process behind it. */
import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { app, ipcMain, Menu, type BrowserWindow } from 'electron'

import { channels, type Reply } from '../preload/contract/channels.ts'
import { homeFromArguments } from './electron/arguments.ts'
import { menuTemplate } from './electron/menu.ts'
import { declarePageScheme, servePage } from './electron/page-protocol.ts'
import { maySend, pageOrigin } from './electron/policies.ts'
import { guardQuit } from './electron/quit.ts'
import { enforcePolicies, senderOf } from './electron/security.ts'
import { answerShellCall, shellHandlers } from './electron/shell-endpoints.ts'
import { childSpawner } from './electron/spawn-child.ts'
import { superviseWorkbench } from './electron/supervisor.ts'
import { focusWindow, openWindow } from './electron/window.ts'

const here = dirname(fileURLToPath(import.meta.url))
/** The development server's page, with `npm run dev` only. */
const developmentPage = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL
const origin = developmentPage === undefined ? pageOrigin : new URL(developmentPage).origin

const home = homeFromArguments(process.argv) ?? process.env.WORKBENCH_HOME
if (home) {
  // The lock of the single instance lies in this folder: one window per home folder.
  const folder = join(resolve(home), 'shell')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  app.setPath('userData', folder)
}

if (app.requestSingleInstanceLock()) start()
else app.quit()

function start(): void {
  let window: BrowserWindow | undefined
  declarePageScheme()
  app.on('second-instance', () => focusWindow(window))
  app.on('window-all-closed', () => app.quit())

  void app.whenReady().then(() => {
    enforcePolicies(origin)
    servePage(join(here, '../renderer'))
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform)))

    const publish = (topic: string, message: unknown) => {
      if (window !== undefined && !window.isDestroyed())
        window.webContents.send(channels.event, topic, message)
    }
    const args = home ? ['--home', resolve(home)] : []
    const spawn = childSpawner(join(here, '../..'))
    const entries = { workbench: join(here, 'workbench.js'), trainer: join(here, 'trainer.js') }
    const supervisor = superviseWorkbench({ spawn, entries, args, publish })
    const handlers = shellHandlers(() => window)
    ipcMain.handle(channels.invoke, async (event, name: unknown, input: unknown): Promise<Reply> => {
      if (!maySend(senderOf(event), origin)) {
        return {
          ok: false,
          error: { code: 'unauthorized', message: 'Only the program’s own page may call it.' },
        }
      }
      const endpoint = String(name)
      return endpoint.startsWith('shell.')
        ? answerShellCall(handlers, endpoint, input)
        : supervisor.invoke(endpoint, input)
    })

    window = openWindow({
      url: developmentPage ?? `${pageOrigin}/index.html`,
      preload: join(here, '../preload/index.cjs'),
      stateFile: join(app.getPath('userData'), 'window.json'),
      devTools: !app.isPackaged,
    })
    window.on('closed', () => (window = undefined))
    // A page that has just loaded has missed what was published before.
    window.webContents.on('did-finish-load', () => {
      const state = supervisor.state()
      if (state !== undefined) publish('shell.workbench', state)
    })
    guardQuit(window, supervisor)
  })
}
