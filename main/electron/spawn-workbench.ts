import { constants } from 'node:os'

import { utilityProcess } from 'electron'

import type { FromWorkbench } from '../ipc-messages.ts'
import { forkWorkbench, nodeExecutable, tailOf, type SpawnWorkbench } from './node-process.ts'

/**
 * How the workbench process is started: as a `utilityProcess`, else (before Electron 22) as a child of a Node that is
 * new enough for the native modules.
 * @param root folder of the repository or of the installed program
 */
export function workbenchSpawner(root: string, entry: string, args: string[]): SpawnWorkbench {
  if (typeof utilityProcess?.fork !== 'function') {
    const node = nodeExecutable(root, process.env)
    return (listeners) => forkWorkbench(node, entry, args, listeners)
  }
  return (listeners) => {
    const child = utilityProcess.fork(entry, args, {
      serviceName: 'Adapter Workbench',
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    const lastLines = tailOf(child.stderr)
    child.on('message', (message: FromWorkbench) => listeners.message(message))
    child.on('exit', (code) => listeners.exit(`exit code ${code}`, lastLines()))
    return {
      send: (message) => child.postMessage(message),
      kill: () => void (child.pid !== undefined && process.kill(child.pid, constants.signals.SIGKILL)),
    }
  }
}
