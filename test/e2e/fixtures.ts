import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { test as base, expect, type Page } from '@playwright/test'

import { isDesktop, startDesktop } from '../shell/desktop-host.ts'
import { browserOptions } from './browser.ts'
import { pinnedNode, startServer, type Server } from './server.ts'

export { expect }

/** A workbench of the worker's own: a real server on a fresh home folder. */
export interface TestWorkbench {
  readonly url: string
  readonly home: string
  /** The one window, where the tests run in the desktop program. */
  readonly window?: Page
  stop(how?: 'stop' | 'kill'): Promise<void>
  /** Starts it again on the same home folder and port; it has another token then. */
  start(): Promise<void>
}

interface WorkerFixtures {
  /** The home folder has finished runs in it from the start (prepare-home.ts), so that none has to be trained. */
  prepared: boolean
  /** So many more runs are in a prepared home folder, of which only scores are kept. */
  moreRuns: number
  /** Its own name, for a spec that needs a home folder in which no other spec has left anything. */
  alone: string
  workbench: TestWorkbench
}

interface TestFixtures {
  /**
   * The page at the overview, connected. Errors on its console fail the test, but for those of a connection that the
   * test itself cut.
   */
  app: Page
}

/** Fills a home folder, on the Node that has the database's binding. */
async function prepareHome(home: string, moreRuns: number): Promise<void> {
  const script = fileURLToPath(new URL('prepare-home.ts', import.meta.url))
  await promisify(execFile)(pinnedNode(), [script, home, String(moreRuns)])
}

/** The desktop window as a fresh browser page would be: at the start, with nothing remembered. */
async function desktopPage(
  { workbench }: Pick<WorkerFixtures, 'workbench'>,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  if (workbench.window === undefined) throw new Error('the desktop program has no window')
  await workbench.window.evaluate(() => localStorage.clear())
  await workbench.window.goto(workbench.url)
  await use(workbench.window)
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  launchOptions: [async ({ browserName: _ }, use) => use(await browserOptions()), { scope: 'worker' }],

  prepared: [false, { option: true, scope: 'worker' }],
  moreRuns: [0, { option: true, scope: 'worker' }],
  alone: ['', { option: true, scope: 'worker' }],

  workbench: [
    async ({ prepared, moreRuns, alone: _ }, use) => {
      const home = await mkdtemp(join(tmpdir(), 'workbench-e2e-'))
      if (prepared) await prepareHome(home, moreRuns)
      if (isDesktop) {
        const desktop = await startDesktop(home)
        const { url, page, start, stop } = desktop
        await use({ url, home, window: page, start, stop })
        await stop()
      } else {
        let server: Server = await startServer(home)
        await use({
          get url() {
            return server.url
          },
          home,
          stop: (how = 'stop') => server[how](),
          async start() {
            server = await startServer(home, Number(new URL(server.url).port))
          },
        })
        await server.stop()
      }
      await rm(home, { recursive: true, force: true })
    },
    { scope: 'worker' },
  ],

  ...(isDesktop ? { page: desktopPage } : {}),

  app: async ({ page, workbench }, use) => {
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && !/WebSocket|ERR_CONNECTION|401/.test(message.text()))
        problems.push(message.text())
    })
    await page.goto(workbench.url)
    await expect(page.getByRole('heading', { name: 'Overview' })).toBeAttached()
    await use(page)
    expect(problems).toEqual([])
  },
})

/** Goes to an address of the page; the page stays loaded and keeps its connection. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to
  }, hash)
}

/** Has the sample tasks there, however many tests ran before. */
export async function ensureSamples(page: Page): Promise<void> {
  await goTo(page, '#/datasets')
  await page.getByRole('button', { name: 'Load the sample tasks' }).first().click()
  await expect(page.getByRole('grid', { name: 'Datasets' }).getByText('sample')).toHaveCount(3)
}
