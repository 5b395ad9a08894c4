/**
 * What crosses between a browser and the headless host (main/server.ts).
 *
 * - The printed URL is `http://127.0.0.1:PORT/#token=TOKEN`. A fragment never reaches a server, a log or a
 *   referrer. The page moves the token into `sessionStorage[tokenStorageKey]` and removes it from the address.
 * - WebSocket: `new WebSocket('ws://HOST/socket', webSocketProtocols(token))`. One JSON text frame per message:
 *   `ClientMessage` up, `ServerMessage` down; the server's first frame is `hello`.
 * - Upload: `fetch(uploadUrl(file.name), { method: 'POST', headers: authorization(token), body: file })` answers
 *   `UploadAnswer`, whose path goes into `datasets.import`. Refusals answer `{ error: ContractError }`.
 *
 * Reconnection: a call's id is chosen by the client and unique for ever (`crypto.randomUUID()`). After a lost
 * connection the client opens a new one, subscribes again, sends every call without an answer again under its
 * old id, and fetches again what it shows (events are not kept). The server runs one id once: it answers a repeated
 * id with the outcome of the first, for `rememberedSeconds` after that was there.
 * A refused token closes the upgrade with status 401; foreign hosts and origins with 403.
 */
import type { EndpointName, InputOf, MessageOf, TopicName } from '../contract.ts'
import type { ContractError } from './errors.ts'

export const socketPath = '/socket'
export const uploadPath = '/upload'
export const tokenStorageKey = 'workbench.token'
export const webSocketProtocol = 'adapter-workbench'
/** How long the outcome of a call is kept for a client that asks again after a lost connection. */
export const rememberedSeconds = 120

export type ClientMessage =
  | { [Name in EndpointName]: { type: 'invoke'; id: string; name: Name; input: InputOf<Name> } }[EndpointName]
  | { type: 'subscribe'; topic: TopicName }
  | { type: 'unsubscribe'; topic: TopicName }

export type ServerMessage =
  /** `session` changes when the host was restarted: calls without an answer are lost, ask again. */
  | { type: 'hello'; session: string; version: string }
  /** `output` is left out for endpoints that return nothing. */
  | { type: 'result'; id: string; output?: unknown }
  | { type: 'error'; id: string; error: ContractError }
  | { [Name in TopicName]: { type: 'event'; topic: Name; message: MessageOf<Name> } }[TopicName]

export interface UploadAnswer {
  /** Path on the server; ends in the name the file was uploaded under. */
  path: string
  bytes: number
}

/** Header of every HTTP request that needs the token. */
export function authorization(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

/** The second is how a browser can send a token with a WebSocket; the server chooses the first. */
export function webSocketProtocols(token: string): [string, string] {
  return [webSocketProtocol, `token.${token}`]
}

/** Where to post a file of this name, relative to the page. */
export function uploadUrl(fileName: string): string {
  return `${uploadPath}?name=${encodeURIComponent(fileName)}`
}
