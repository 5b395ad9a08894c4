import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The Node that the project pins; the one that runs the tests may be older than better-sqlite3 wants. */
export function pinnedNode(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'))
  const path = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  return existsSync(path) ? path : process.execPath
}

export interface Server {
  /** With the token. */
  url: string
  /** Ends it as Ctrl-C does: a run is paused first. */
  stop(): Promise<void>
  /** Ends it as a crash does. */
  kill(): Promise<void>
}

/**
 * Starts the built headless host on a home folder and waits for its address.
 * @param port left out: any free one
 */
export async function startServer(home: string, port = 0): Promise<Server> {
  const entry = join(root, 'out/main/server.js')
  if (!existsSync(entry)) throw new Error('out/main/server.js is not there: run `npm run build` first')
  const child = spawn(pinnedNode(), [entry, '--home', home, '--port', String(port)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await ended
  }
  return { url: await readAddress(child), stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

function readAddress(child: ChildProcess): Promise<string> {
  const said: string[] = []
  return new Promise((resolve, reject) => {
    const listen = (stream: NodeJS.ReadableStream | null) => {
      if (stream === null) return
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line)
        const match = /https?:\/\/\S+#token=\S+/.exec(line)
        if (match) resolve(match[0])
      })
    }
    listen(child.stdout)
    listen(child.stderr)
    child.once('exit', (code) =>
      reject(new Error(`the server ended with ${String(code)}:\n${said.join('\n')}`)),
    )
  })
}
