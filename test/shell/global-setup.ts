import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

import { buildOldShell } from './build-old.ts'
import { findElectron, root } from './find-electron.ts'

/** Builds what the tests run and gives them a display where there is none. */
export default async function globalSetup(): Promise<() => void> {
  const electron = findElectron()
  if (electron === undefined)
    throw new Error('There is no Electron binary to test in; run: npm run setup:test')
  if (!existsSync(join(root, 'out/main/workbench.js')))
    throw new Error('Nothing is built; run: npm run build')
  if (electron.isOld) await buildOldShell()
  if (process.platform !== 'linux' || process.env.DISPLAY) return () => undefined
  const display = await startDisplay()
  process.env.DISPLAY = display.name
  return () => void display.server.kill()
}

async function startDisplay(): Promise<{ name: string; server: ChildProcess }> {
  // With -displayfd the server picks a free number and writes it to that descriptor once it listens.
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1200x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const number = await new Promise<string>((resolve, reject) => {
    server.on('error', () => reject(new Error('Xvfb cannot be started; run: npm run setup:test')))
    server.on('exit', (code) => reject(new Error(`Xvfb ended with exit code ${code}`)))
    const pipe = server.stdio[3] as Readable
    pipe.on('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
  })
  return { name: `:${number}`, server }
}
