import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

import type { LaunchOptions } from '@playwright/test'
import packaged from '@sparticuz/chromium'

const names =
  process.platform === 'win32'
    ? ['chrome.exe', 'msedge.exe']
    : ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser']

/** Where browsers lie that are not on PATH. */
const places =
  process.platform === 'darwin'
    ? ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']
    : process.platform === 'win32'
      ? [join(process.env['PROGRAMFILES'] ?? '', 'Google/Chrome/Application/chrome.exe')]
      : []

/**
 * How to start the browser: `WORKBENCH_BROWSER`, else an installed Chrome or Chromium, else the one that comes from
 * npm. Of the latter's flags only those are taken that a container needs: the others are for tiny machines and make
 * it unlike a user's browser.
 */
export async function browserOptions(): Promise<LaunchOptions> {
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
  const installed = [process.env['WORKBENCH_BROWSER'] ?? '', ...onPath, ...places].find(
    (path) => path !== '' && existsSync(path),
  )
  const sandbox = process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : []
  if (installed !== undefined) return { executablePath: installed, args: sandbox }
  return {
    executablePath: await packaged.executablePath(),
    args: [...sandbox, '--headless=shell', '--no-zygote', '--font-render-hinting=none', '--disable-gpu'],
  }
}
