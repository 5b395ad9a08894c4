import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

import type { ContractError } from '../../preload/contract.ts'
import { webSocketProtocol } from '../../preload/contract/wire.ts'

/** Why a request is turned away. */
export interface Refusal {
  status: 401 | 403
  error: ContractError
}

/** 256 random bits, safe in a URL and in a WebSocket subprotocol. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * Only a page that this server itself served may talk to it. A name that was made to point at 127.0.0.1 (DNS
 * rebinding) shows in Host, a foreign page in Origin; a request without Origin comes from no other page.
 */
export function refuseForeign(headers: IncomingHttpHeaders, port: number): Refusal | undefined {
  // Browsers leave the usual port out.
  const suffix = port === 80 ? '' : `:${String(port)}`
  const hosts = ['127.0.0.1', 'localhost', '[::1]'].map((name) => name + suffix)
  const { host, origin } = headers
  if (host === undefined || !hosts.includes(host.toLowerCase())) {
    return refusal(
      403,
      `This server answers only to ${hosts.slice(0, 2).join(' and ')}, not to ${host ?? 'a request without a host'}. Through a tunnel, use the same port number on both sides.`,
    )
  }
  if (origin !== undefined && !hosts.some((allowed) => origin.toLowerCase() === `http://${allowed}`)) {
    return refusal(403, `Pages of ${origin} may not use this server.`)
  }
  return undefined
}

/** @param presented the token that came with the request, from `bearerToken` or `protocolToken` */
export function refuseWithoutToken(presented: string | undefined, token: string): Refusal | undefined {
  if (presented !== undefined && timingSafeEqual(digest(presented), digest(token))) return undefined
  return refusal(401, 'The token is missing or wrong. Open the URL that the server printed when it started.')
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer ([\w-]+)$/i.exec(headers.authorization ?? '')?.[1]
}

/** The token of a WebSocket's subprotocols (wire.ts), when our own protocol is asked for as well. */
export function protocolToken(headers: IncomingHttpHeaders): string | undefined {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  if (!protocols.includes(webSocketProtocol)) return undefined
  return protocols.find((protocol) => protocol.startsWith('token.'))?.slice('token.'.length)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function refusal(status: Refusal['status'], message: string): Refusal {
  return { status, error: { code: 'unauthorized', message } }
}
