import { fork } from 'node:child_process'
import { accessSync } from 'node:fs'
import { join } from 'node:path'

import type { FromWorkbench, ToWorkbench } from '../ipc-messages.ts'

export interface ProcessListeners {
  message: (message: FromWorkbench) => void
  /** Always the last, also for a process that could not be started. `reason` goes into "the process ended (…)". */
  exit: (reason: string, lastLines: string) => void
}

export interface WorkbenchProcess {
  send: (message: ToWorkbench) => void
  kill: () => void
}

export type SpawnWorkbench = (listeners: ProcessListeners) => WorkbenchProcess

const keptLines = 20

/** Passes a child's stderr on and keeps its last lines for the message that says why it ended. */
export function tailOf(stream: NodeJS.ReadableStream | null): () => string {
  let tail = ''
  stream?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    tail = (tail + chunk.toString())
      .split('\n')
      .slice(-keptLines - 1)
      .join('\n')
  })
  return () => tail.trim()
}

/** The workbench process as a child of a plain Node, for an Electron without `utilityProcess`. */
export function forkWorkbench(
  node: string,
  entry: string,
  args: string[],
  listeners: ProcessListeners,
): WorkbenchProcess {
  const child = fork(entry, args, {
    execPath: node,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  const lastLines = tailOf(child.stderr)
  let hasEnded = false
  const end = (reason: string) => {
    if (hasEnded) return
    hasEnded = true
    listeners.exit(reason, lastLines())
  }
  child.on('message', (message) => listeners.message(message as FromWorkbench))
  child.on('error', (error) => end(error.message))
  // `close` comes after the last of stderr, `exit` may come before it.
  child.on('close', (code, signal) => end(signal ?? `exit code ${code}`))
  return {
    // A message to a process that is just ending fails; its end answers every call.
    send: (message) => void (child.connected && child.send(message, () => undefined)),
    kill: () => void child.kill('SIGKILL'),
  }
}

/** `WORKBENCH_NODE`, else the Node that the repository's own packages bring, else the one on the PATH. */
export function nodeExecutable(
  root: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (environment.WORKBENCH_NODE) return environment.WORKBENCH_NODE
  const installed = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node')
  try {
    accessSync(installed)
    return installed
  } catch {
    return 'node'
  }
}
