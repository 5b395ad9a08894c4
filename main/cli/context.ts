import type { Command } from 'commander'

import type { WorkbenchPort } from '../local-socket.ts'
import { resolveHome } from '../home.ts'
import { createHost } from '../server/host.ts'
import { createClient, type Client } from './client.ts'
import { createOutput, type Output } from './output.ts'

/** How close one golden case came (verify.ts). */
export interface CaseReport {
  case: string
  ok: boolean
  engine: string
  device: string
  maxAbs: Record<string, number>
  /** What is wrong, in sentences. */
  problems: string[]
}

/** What the entry hands to the commands, so that these depend on no service. */
export interface CliHost {
  openWorkbench: (home: string, host: 'cli' | 'server') => WorkbenchPort | Promise<WorkbenchPort>
  verifyCase: (folder: string, engine: string, device: string) => Promise<CaseReport>
  /** The renderer's build. */
  staticRoot: string
}

export interface CommonOptions {
  home?: string
  json?: boolean
}

/** `--home` and `--json`, which every command takes. */
export function common(command: Command): Command {
  return command
    .option('--home <folder>', "home folder (default: WORKBENCH_HOME, else the platform's data folder)")
    .option('--json', 'print one JSON document on stdout')
}

export function homeOf(options: CommonOptions): string {
  return resolveHome({ argv: options.home === undefined ? [] : ['--home', options.home] })
}

/**
 * Attach to the workbench of the home folder or become it for as long as `work` takes; also when the process that had
 * it ends before.
 */
export async function withWorkbench<Result>(
  host: Pick<CliHost, 'openWorkbench'>,
  options: CommonOptions,
  work: (client: Client, output: Output, home: string) => Promise<Result>,
): Promise<Result> {
  const home = homeOf(options)
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => undefined)
  const workbench = await createHost(home, () => host.openWorkbench(home, 'cli'), lost.reject)
  const output = createOutput(options.json === true)
  try {
    return await work(createClient(workbench, lost.promise), output, home)
  } finally {
    output.endProgress()
    await workbench.close()
  }
}
