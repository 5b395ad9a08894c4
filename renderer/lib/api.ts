/** The one place that knows which host the page has: the desktop's preload, or the headless server's WebSocket. */
import { z } from 'zod'

import type { ContractError, WorkbenchApi } from '../../preload/contract.ts'
import { ContractError as ContractErrorShape, WorkbenchError } from '../../preload/contract/errors.ts'
import { authorization, socketPath, uploadUrl, type UploadAnswer } from '../../preload/contract/wire.ts'
import { connectSocket, type ConnectionState } from './socket.ts'
import { token } from './token.ts'

/** Put there by preload on the desktop; absent in a browser. */
const preloaded = (window as Window & { workbench?: WorkbenchApi }).workbench

// The page's policy forbids making code from strings; zod does without when told to.
z.config({ jitless: true })

type StateListener = (state: ConnectionState) => void
const stateListeners = new Set<StateListener>()
let lastState: ConnectionState = { state: preloaded === undefined ? 'connecting' : 'ready' }

/** Hears of the connection's state, the present one at once. */
export function watchConnection(listener: StateListener): void {
  stateListeners.add(listener)
  listener(lastState)
}

/** A host that cannot be reached refuses nothing. */
async function isRefused(presented: string): Promise<boolean> {
  try {
    return (await fetch(socketPath, { headers: authorization(presented) })).status === 401
  } catch {
    return false
  }
}

function connectToServer() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  return connectSocket({
    url: `${scheme}://${location.host}${socketPath}`,
    token: token(),
    isRefused: () => isRefused(token()),
    onState(state) {
      lastState = state
      for (const listener of stateListeners) listener(state)
    },
  })
}

const socket = preloaded === undefined ? connectToServer() : undefined

function chooseApi(): WorkbenchApi {
  if (preloaded !== undefined) return preloaded
  if (socket === undefined) throw new Error('no connection to a workbench')
  return socket
}

export const api: WorkbenchApi = chooseApi()

/** Tries to connect at once rather than when the waiting time is over. */
export function reconnectNow(): void {
  socket?.retry()
}

/** Sends a file of the browser's to the server and gives the path it got there. */
export async function uploadFile(file: File): Promise<UploadAnswer> {
  const response = await fetch(uploadUrl(file.name), {
    method: 'POST',
    headers: authorization(token()),
    body: file,
  })
  const answer = (await response.json()) as UploadAnswer | { error: ContractError }
  if ('error' in answer) throw new WorkbenchError(answer.error.code, answer.error.message)
  return answer
}

/** What to show for anything thrown: the contract's words where it has them. */
export function errorOf(thrown: unknown): ContractError {
  const known = ContractErrorShape.safeParse(thrown)
  if (known.success) return known.data
  return { code: 'internal', message: thrown instanceof Error ? thrown.message : String(thrown) }
}
