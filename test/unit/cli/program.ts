import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Program {
  child: ChildProcess
  /** What it has written so far. */
  read: { stdout: string; stderr: string }
  ended: Promise<Ended>
}

/** One of the program's entries, from its source, in a process of its own. */
export function startProgram(
  entry: 'cli' | 'server',
  args: string[],
  options: { home?: string; input?: string } = {},
): Program {
  const file = fileURLToPath(new URL(`../../../main/${entry}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...process.env, CI: '1', WORKBENCH_HOME: options.home ?? '' },
  })
  const read = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (read.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (read.stderr += chunk.toString()))
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const ended = new Promise<Ended>((done) => child.once('close', (code) => done({ code, ...read })))
  return { child, read, ended }
}

export function runProgram(args: string[], options: { home?: string; input?: string } = {}): Promise<Ended> {
  return startProgram('cli', args, options).ended
}
