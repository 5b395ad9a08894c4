import { Command, CommanderError } from 'commander'

import { toContractError } from '../../preload/contract.ts'
import { addAdapterCommands } from './adapters.ts'
import { addCompareCommand } from './compare.ts'
import type { CliHost } from './context.ts'
import { addDatasetCommands } from './datasets.ts'
import { addDemoCommand } from './demo.ts'
import { addDevicesCommand } from './devices.ts'
import { addExperimentCommands } from './experiment.ts'
import { addExportCommands } from './export.ts'
import { addMethodCommands } from './methods.ts'
import { addModelCommands } from './models.ts'
import { addPredictCommand } from './predict.ts'
import { addRunCommands } from './runs.ts'
import { addServeCommand, runServe, serveFlags, type ServeHost } from './serve.ts'
import { addTrainCommand } from './train.ts'
import { Interrupted, Unsuccessful, UsageError } from './usage.ts'
import { addVerifyCommand } from './verify.ts'

/** The command line: 0 good, 1 failed, 2 bad usage. */
export type ExitCode = 0 | 1 | 2

/** @param args what follows the program's name */
export function runCli(host: CliHost, args: string[]): Promise<ExitCode> {
  const program = newProgram('workbench').description(
    'Adapter-tuning of pretrained transformers: import labelled text, train, compare and keep runs.',
  )
  for (const add of [
    ...[addModelCommands, addDatasetCommands, addMethodCommands, addTrainCommand, addRunCommands],
    ...[addExportCommands, addExperimentCommands, addCompareCommand],
    ...[addAdapterCommands, addPredictCommand],
    ...[addVerifyCommand, addDevicesCommand, addServeCommand, addDemoCommand],
  ]) {
    add(program, host)
  }
  return run(program, args)
}

/** The headless host's own entry takes the flags of `serve`. */
export function runServer(host: ServeHost, args: string[]): Promise<ExitCode> {
  return run(
    serveFlags(newProgram('serve')).action((flags) => runServe(host, flags)),
    args,
  )
}

/** End the process once what was written has gone out, also into a slow pipe. */
export function exitWith(code: ExitCode): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}

function newProgram(name: string): Command {
  return new Command(name).exitOverride().showHelpAfterError('(--help says what there is)')
}

async function run(program: Command, args: string[]): Promise<ExitCode> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read our output (`| head`) has seen enough.
    if (error.code === 'EPIPE') process.exit(0)
    process.stderr.write(`error: The output could not be written: ${error.message}\n`)
    process.exit(1)
  })
  // What nobody reads any more must not end a run.
  process.stderr.on('error', () => undefined)
  const json = args.includes('--json')
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has said on stderr what is wrong with the command line.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      return fail(2, json, { error: { code: 'bad-input', message: error.message.replace(/^error: /, '') } })
    }
    if (error instanceof UsageError) {
      process.stderr.write(`error: ${error.message}\n`)
      return fail(2, json, { error: { code: 'bad-input', message: error.message } })
    }
    if (error instanceof Unsuccessful) {
      process.stderr.write(`error: ${error.message}\n`)
      return 1
    }
    if (error instanceof Interrupted) {
      process.stderr.write(`${error.message}\n`)
      return fail(1, json, { error: { code: 'conflict', message: error.message }, ...error.value })
    }
    const { code, message, detail } = toContractError(error)
    process.stderr.write(`error: ${message}\n`)
    if (code === 'internal' && detail !== undefined) process.stderr.write(`${detail}\n`)
    return fail(1, json, { error: { code, message } })
  }
}

/** With --json stdout has one document, whatever happens. */
function fail(code: ExitCode, json: boolean, document: Record<string, unknown>): ExitCode {
  if (json) process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`)
  return code
}
