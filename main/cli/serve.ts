import type { Command } from 'commander'

import { common, homeOf, type CliHost, type CommonOptions } from './context.ts'
import { createOutput } from './output.ts'
import { parsePort } from './usage.ts'

/** What the headless host needs of its entry. */
export type ServeHost = Pick<CliHost, 'openWorkbench' | 'staticRoot'>

interface ServeFlags extends CommonOptions {
  port?: number
  open?: boolean
}

export function addServeCommand(program: Command, host: CliHost): void {
  serveFlags(program.command('serve')).action((flags: ServeFlags) => runServe(host, flags))
}

/** The headless host's flags, the same for `serve` of the command line and for the server's own entry. */
export function serveFlags(command: Command): Command {
  return common(command)
    .description('serve the workbench to a browser on this machine, until Ctrl-C')
    .option('--port <number>', 'port on 127.0.0.1; 0: any free one', parsePort)
    .option('--open', 'open the default browser')
}

export async function runServe(host: ServeHost, flags: ServeFlags): Promise<void> {
  // Loaded here only, since every other command starts faster without an HTTP server.
  const { serve } = await import('../server/serve.ts')
  const home = homeOf(flags)
  const output = createOutput(flags.json === true)
  await serve({
    home,
    port: flags.port,
    browser: flags.open === true,
    staticRoot: host.staticRoot,
    openWorkbench: () => host.openWorkbench(home, 'server'),
    log: (line) => output.log(line),
    onReady: (served) => {
      output.log(
        served.attached
          ? `Attached to the workbench that runs on ${home}. Ctrl-C ends only this server.`
          : `Serving the workbench of ${home}. Ctrl-C ends it; a run in progress is paused.`,
      )
      output.result(served, () => served.url)
    },
  })
}
