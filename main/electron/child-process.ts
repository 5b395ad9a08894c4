import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface ChildExit {
  code: number | undefined
  signal: string | undefined
  /** What it wrote to stderr last, at most `keptLines` lines. */
  lastLines: string[]
}

export interface ChildListeners {
  message: (message: unknown) => void
  /** Always the last, also for a process that could not be started; that one has neither code nor signal. */
  exit: (exit: ChildExit) => void
}

/** A process of ours that the shell has started: the workbench process or a trainer. */
export interface Child {
  /** Undefined until it is known, and where the process could not be started. */
  readonly pid: number | undefined
  /** A message to a process that is gone is dropped: its exit says so. */
  send: (message: unknown) => void
  kill: (signal: 'SIGTERM' | 'SIGKILL') => void
}

export type SpawnChild = (entry: string, args: string[], listeners: ChildListeners) => Child

const keptLines = 50

/** A process that never ends its line must not fill the memory. */
const longestLine = 10_000

/** Passes a child's stderr on and keeps its last lines. */
export function tailOf(stream: NodeJS.ReadableStream | null): () => string[] {
  let tail: string[] = ['']
  // Decoded by the stream: a character may lie across two chunks.
  stream?.setEncoding('utf8').on('data', (text: string) => {
    process.stderr.write(text)
    const lines = `${tail.pop() ?? ''}${text}`.split('\n').map((line) => line.slice(-longestLine))
    tail = [...tail, ...lines].slice(-keptLines - 1)
  })
  return () => tail.filter((line) => line !== '').slice(-keptLines)
}

/** Starts children on a plain Node, for an Electron without `utilityProcess`. */
export function forkOn(node: string): SpawnChild {
  return (entry, args, listeners) => {
    const stdio: ['ignore', 'inherit', 'pipe', 'ipc'] = ['ignore', 'inherit', 'pipe', 'ipc']
    const child = fork(entry, args, { execPath: node, execArgv: [], stdio })
    const lastLines = tailOf(child.stderr)
    let hasEnded = false
    const end = (exit: ChildExit) => {
      if (hasEnded) return
      hasEnded = true
      listeners.exit(exit)
    }
    child.on('message', listeners.message)
    child.on('error', (error) => {
      // Of a process that runs, this is a failed kill or send, and its end follows.
      if (child.pid === undefined) end({ code: undefined, signal: undefined, lastLines: [error.message] })
    })
    // `close` comes after the last message and the last of stderr, `exit` may come before them.
    child.on('close', (code, signal) =>
      end({ code: code ?? undefined, signal: signal ?? undefined, lastLines: lastLines() }),
    )
    return {
      pid: child.pid,
      send: (message) => {
        if (child.connected) child.send(message as object, () => undefined)
      },
      kill: (signal) => void child.kill(signal),
    }
  }
}

/** `WORKBENCH_NODE`, else the Node that the repository's own packages bring, else the one on the PATH. */
export function nodeExecutable(
  root: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (environment.WORKBENCH_NODE) return environment.WORKBENCH_NODE
  const installed = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node')
  return existsSync(installed) ? installed : 'node'
}
