import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { _electron, test as base, type ElectronApplication, type Page } from '@playwright/test'

import type { EndpointName, InputOf, OutputOf, TopicName, WorkbenchApi } from '../../preload/contract.ts'
import { nodeExecutable } from '../../main/electron/child-process.ts'
import { oldShell } from './build-old.ts'
import { findElectron, root } from './find-electron.ts'

declare global {
  interface Window {
    workbench?: WorkbenchApi
    /** What `recordTopic` has received. */
    received: Record<string, unknown[]>
  }
}

export interface Shell {
  app: ElectronApplication
  process: ChildProcess
  page: Page
  home: string
}

/** Executable, arguments and environment of the shell on `home`. */
export function shellCommand(home: string): {
  executablePath: string
  args: string[]
  env: Record<string, string>
} {
  const electron = findElectron()
  if (electron === undefined)
    throw new Error('There is no Electron binary to test in; run: npm run setup:test')
  const args = ['--disable-gpu', electron.isOld ? join(oldShell, 'main/index.cjs') : root, '--home', home]
  // Chromium's own sandbox refuses to run as root.
  if (process.getuid?.() === 0) args.unshift('--no-sandbox')
  const environment = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return {
    executablePath: electron.executable,
    args,
    env: { ...Object.fromEntries(environment), WORKBENCH_NODE: nodeExecutable(root, process.env) },
  }
}

export async function launchShell(home: string): Promise<Shell> {
  const app = await _electron.launch({ ...shellCommand(home), cwd: root })
  const page = await app.firstWindow()
  await page.waitForFunction(() => window.workbench !== undefined)
  return { app, process: app.process(), page, home }
}

/** Ends the program, answering its question with yes; by force when it does not end. */
export async function endShell({ app, process }: Shell): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  await answerQuestions(app, 0).catch(() => undefined)
  const limit = setTimeout(() => process.kill('SIGKILL'), 40_000)
  await app.close().catch(() => undefined)
  clearTimeout(limit)
}

/** Has every question that the program asks answered with button `response`, and counts them in `asked`. */
export async function answerQuestions(app: ElectronApplication, response: number): Promise<void> {
  await app.evaluate(({ dialog }, answer) => {
    const counts = globalThis as { asked?: number }
    counts.asked = 0
    dialog.showMessageBox = (async () => {
      counts.asked = (counts.asked ?? 0) + 1
      return { response: answer, checkboxChecked: false }
    }) as typeof dialog.showMessageBox
  }, response)
}

export function questionsAsked(app: ElectronApplication): Promise<number> {
  return app.evaluate(() => (globalThis as { asked?: number }).asked ?? 0)
}

/** Calls an endpoint from the page. */
export function invoke<Name extends EndpointName>(
  page: Page,
  name: Name,
  input: InputOf<Name>,
): Promise<OutputOf<Name>> {
  return page.evaluate<OutputOf<Name>, unknown>(
    (call) => {
      const [endpoint, value] = call as [Name, InputOf<Name>]
      if (window.workbench === undefined) throw new Error('the page has no workbench')
      return window.workbench.invoke(endpoint, value).catch(({ code, message }) => {
        throw new Error(`${endpoint}: ${code}: ${message}`)
      })
    },
    [name, input],
  )
}

/** What a call rejected with, or `undefined` when it did not. */
export function refusal(page: Page, name: string, input: unknown): Promise<unknown> {
  return page.evaluate<unknown, unknown>(
    (call) => {
      const [endpoint, value] = call as ['system.info', Record<string, never>]
      return window.workbench?.invoke(endpoint, value).then(
        () => undefined,
        (error: unknown) => error,
      )
    },
    [name, input],
  )
}

/** Collects a topic's messages in the page from now on; `received` reads them. */
export async function recordTopic(page: Page, topic: TopicName): Promise<void> {
  await page.evaluate((name) => {
    const messages: unknown[] = []
    window.received = { ...window.received, [name]: messages }
    window.workbench?.subscribe(name, (message) => messages.push(message))
  }, topic)
}

export function received<Message>(page: Page, topic: string): Promise<Message[]> {
  return page.evaluate((name) => (window.received[name] ?? []) as never[], topic)
}

/** A shell on a home folder of its own, ended after the test. */
export const test = base.extend<{ home: string; shell: Shell }>({
  // Playwright demands the destructuring pattern even where nothing is taken.
  // eslint-disable-next-line no-empty-pattern
  home: async ({}, use) => {
    const home = mkdtempSync(join(tmpdir(), 'workbench-shell-'))
    await use(home)
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  },
  shell: async ({ home }, use) => {
    const shell = await launchShell(home)
    await use(shell)
    await endShell(shell)
  },
})

export { expect } from '@playwright/test'
