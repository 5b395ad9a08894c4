import type { Page } from '@playwright/test'

import { endShell, launchShell, type Shell } from './shell.ts'

/** The UI tests run in the desktop window instead of a browser on a served workbench. */
export const isDesktop = process.env.WORKBENCH_E2E_HOST === 'electron'

/** What the UI tests' server is to them, as a desktop program on a home folder. */
export interface DesktopHost {
  readonly url: string
  readonly page: Page
  start(): Promise<void>
  stop(how?: 'stop' | 'kill'): Promise<void>
}

export async function startDesktop(home: string): Promise<DesktopHost> {
  let shell = await launchShell(home)
  return {
    url: 'app://workbench/index.html',
    page: pageOfCurrentWindow(() => shell),
    start: async () => {
      shell = await launchShell(home)
    },
    stop: async (how = 'stop') => {
      if (how === 'stop') return endShell(shell)
      const ended = new Promise<void>((resolve) => shell.process.once('exit', () => resolve()))
      shell.process.kill('SIGKILL')
      await ended
    },
  }
}

/** One page for a test across restarts: what is asked of it is asked of the window that is open now. */
function pageOfCurrentWindow(shell: () => Shell): Page {
  return new Proxy(shell().page, {
    get: (_page, key) => {
      const { page } = shell()
      const value: unknown = Reflect.get(page, key, page)
      // Playwright's `expect` knows a page by its constructor's name, which binding would change.
      return typeof value === 'function' && key !== 'constructor' ? value.bind(page) : value
    },
  })
}
