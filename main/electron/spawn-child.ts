import { basename } from 'node:path'

import { utilityProcess } from 'electron'

import { forkOn, nodeExecutable, tailOf, type SpawnChild } from './child-process.ts'

/**
 * How the workbench process and the trainers are started: as a `utilityProcess`, else (before Electron 22) on a Node
 * that is new enough for the native modules.
 * @param root folder of the repository or of the installed program
 */
export function childSpawner(root: string): SpawnChild {
  if (typeof utilityProcess?.fork !== 'function') return forkOn(nodeExecutable(root, process.env))
  return (entry, args, listeners) => {
    const child = utilityProcess.fork(entry, args, {
      // Told apart in the system's list of processes.
      serviceName: `Adapter Workbench ${basename(entry, '.js')}`,
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    const lastLines = tailOf(child.stderr)
    let wanted: 'SIGTERM' | 'SIGKILL' | undefined
    const kill = (signal: 'SIGTERM' | 'SIGKILL') => {
      wanted = signal
      if (child.pid === undefined) return
      try {
        process.kill(child.pid, signal)
      } catch {
        // It has ended, and its exit is on the way.
      }
    }
    child.on('message', listeners.message)
    // One that was to be killed before it was there.
    child.on('spawn', () => wanted !== undefined && kill(wanted))
    child.on('exit', (code) => listeners.exit({ code, signal: undefined, lastLines: lastLines() }))
    return {
      get pid() {
        return child.pid
      },
      send: (message) => child.postMessage(message),
      kill,
    }
  }
}
