import type { ConnectionState } from './socket.ts'
import { api, watchConnection } from './api.ts'

interface Connection {
  state: ConnectionState['state'] | 'failed'
  /** Milliseconds since 1970 of the next attempt, while lost on the headless host. */
  retryAt: number | undefined
  /** The shell's own words, on the desktop. */
  message: string | undefined
  /** Counts the times that the connection came (back): what is shown is fetched again when it changes. */
  epoch: number
}

/** How the page stands with the workbench process. */
export const connection: Connection = $state({
  state: 'connecting',
  retryAt: undefined,
  message: undefined,
  epoch: 0,
})

function enter(state: Connection['state'], retryAt?: number, message?: string): void {
  if (state === 'ready' && connection.state !== 'ready') connection.epoch += 1
  connection.state = state
  connection.retryAt = retryAt
  connection.message = message
}

watchConnection((state) => enter(state.state, state.state === 'lost' ? state.retryAt : undefined))

if (api.host === 'desktop') {
  api.subscribe('shell.workbench', ({ state, message }) => enter(state, undefined, message))
}
