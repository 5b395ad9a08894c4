import { existsSync, statSync } from 'node:fs'

import { WorkbenchError, type SystemInfo } from '../../preload/contract.ts'
import type { WorkbenchPort } from '../local-socket.ts'
import { onStopSignal } from '../signals.ts'
import { createHost } from './host.ts'
import { startHttpHost, type HttpHost } from './http.ts'
import { openBrowser } from './open-browser.ts'
import { createUploads } from './uploads.ts'

const defaultPort = 8377

export interface ServeOptions {
  home: string
  /** Left out: the default port, or any free one where that is taken. */
  port?: number | undefined
  /** Open the default browser. */
  browser: boolean
  staticRoot: string
  openWorkbench: () => WorkbenchPort | Promise<WorkbenchPort>
  /** Called once it serves. */
  onReady: (served: { url: string; home: string; attached: boolean }) => void
  /** For people: what happens while it serves. */
  log: (line: string) => void
}

/**
 * Serve the workbench of `home` until SIGINT or SIGTERM, then close in order: runs are paused resumably, unless
 * the workbench runs in another process, which goes on. Resolves when all is closed.
 * @throws WorkbenchError `conflict` when the port is in use, and what opening the workbench throws
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { home, log } = options
  if (!existsSync(home) || !statSync(home).isDirectory()) {
    throw new WorkbenchError('storage', `The home folder ${home} is not a folder. Name another with --home.`)
  }
  let fail: (error: unknown) => void = () => undefined
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => undefined)
  let giveSignalsBack: () => void = () => undefined
  const stopped = new Promise<NodeJS.Signals>((done) => (giveSignalsBack = onStopSignal(done)))

  const host = await createHost(home, options.openWorkbench, fail)
  const uploads = createUploads(home)
  let http: HttpHost | undefined
  try {
    if (!host.isAttached()) await uploads.removeLeftovers()
    const { version } = (await host.invoke('system.info', {})) as SystemInfo
    const workbench: Pick<WorkbenchPort, 'invoke' | 'onEvent'> = {
      onEvent: (listener) => host.onEvent(listener),
      invoke: async (name, input) => {
        const output = await host.invoke(name, input)
        if (name === 'datasets.import') await uploads.remove(importedPaths(input))
        return output
      },
    }
    const start = (port: number): Promise<HttpHost> =>
      startHttpHost({ workbench, uploads, staticRoot: options.staticRoot, port, version })
    const serving = await startOnPort(options.port, start)
    http = serving
    host.onReplaced(() => {
      log(
        `The workbench process of ${home} went away; ${host.isAttached() ? 'attached to the new one' : 'this one took its place'}.`,
      )
      serving.restart()
    })
    options.onReady({ url: serving.url, home, attached: host.isAttached() })
    if (options.browser) openBrowser(serving.url)
    await Promise.race([stopped, failed])
    log('Closing; a run in progress is paused and can be resumed.')
  } finally {
    await http?.close()
    await host.close()
    await uploads.close()
    giveSignalsBack()
  }
}

async function startOnPort(
  wanted: number | undefined,
  start: (port: number) => Promise<HttpHost>,
): Promise<HttpHost> {
  if (wanted !== undefined) return start(wanted)
  try {
    return await start(defaultPort)
  } catch (error) {
    if (error instanceof WorkbenchError && error.code === 'conflict') return start(0)
    throw error
  }
}

/** Paths of the files that an import named; the input was not parsed here. */
function importedPaths(input: unknown): string[] {
  if (typeof input !== 'object' || input === null || !('files' in input) || !Array.isArray(input.files))
    return []
  return input.files.flatMap((file: unknown) =>
    typeof file === 'object' && file !== null && 'path' in file && typeof file.path === 'string'
      ? [file.path]
      : [],
  )
}
