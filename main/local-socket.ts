import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, rmdirSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { StringDecoder } from 'node:string_decoder'

import { z } from 'zod'

import { ContractError, WorkbenchError, toContractError } from '../preload/contract.ts'
import type { FromWorkbench, ToWorkbench } from './ipc-messages.ts'

/** A workbench as a host uses it: the one of this process, or one reached over the local socket. */
export interface WorkbenchPort {
  /** Call an endpoint of the contract; the input is parsed by the workbench. Rejects with a WorkbenchError. */
  invoke(name: string, input: unknown): Promise<unknown>
  /** Hear every message of every topic; returns how to stop. */
  onEvent(listener: (topic: string, message: unknown) => void): () => void
  close(): Promise<void>
}

/** A workbench of another process; `close` only hangs up. */
export interface RemoteWorkbench extends WorkbenchPort {
  /** Called once when the other process went away (not after `close`). */
  onLost(listener: () => void): void
}

export interface LocalSocket {
  readonly address: string
  close(): Promise<void>
}

/** Unix socket addresses hold 108 bytes on Linux, 104 on macOS, with the closing zero. */
const longestAddress = 103
/** A peer that reads nothing is dropped once so much waits for it. */
const largestBacklog = 64 * 2 ** 20
const largestMessage = 64 * 2 ** 20
const temporaryPrefix = 'adapter-workbench-'

const Invoke = z.object({
  type: z.literal('invoke'),
  id: z.number(),
  name: z.string(),
  input: z.unknown().optional(),
})
const Incoming = z.union([
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('result'), id: z.number(), ok: z.literal(true), value: z.unknown().optional() }),
  z.object({ type: z.literal('result'), id: z.number(), ok: z.literal(false), error: ContractError }),
  z.object({ type: z.literal('event'), topic: z.string(), message: z.unknown().optional() }),
])

/**
 * Let other processes of this user call the workbench that holds `home`: a Unix socket in that folder (in a
 * private temporary folder where the path would be too long), a named pipe on Windows. One JSON message per
 * line, as in ipc-messages.ts; of `ToWorkbench` only `invoke` is taken, so a caller cannot end the workbench.
 */
export async function serveLocalSocket(home: string, workbench: WorkbenchPort): Promise<LocalSocket> {
  const address = newAddress(home)
  // What a killed holder left; the lock says that none listens there any more.
  if (process.platform !== 'win32') rmSync(address, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serveConnection(socket, workbench)
  })
  await listenPrivately(server, address)
  return {
    address,
    close: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()))
      // Answers already written still go out; whoever does not hang up then is cut off.
      for (const socket of sockets) socket.end(() => socket.destroy())
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, 1000)
      await closed
      clearTimeout(cut)
      removeSocket(address)
    },
  }
}

/**
 * Reach the workbench that listens at `address`.
 * @throws WorkbenchError `unavailable` when none answers there within `timeout` milliseconds
 */
export async function connectLocalSocket(address: string, timeout = 5000): Promise<RemoteWorkbench> {
  const socket = createConnection(address)
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const listeners = new Set<(topic: string, message: unknown) => void>()
  const lostListeners = new Set<() => void>()
  let nextId = 1
  let hungUp = false

  const ready = new Promise<void>((done, fail) => {
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), timeout)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      clearTimeout(timer)
      fail(new WorkbenchError('unavailable', `No workbench answers at ${address}.`))
    })
    readMessages(socket, (raw) => {
      const message = Incoming.parse(raw)
      if (message.type === 'ready') {
        clearTimeout(timer)
        done()
      } else if (message.type === 'event') {
        for (const listener of listeners) listener(message.topic, message.message)
      } else {
        const waiting = pending.get(message.id)
        pending.delete(message.id)
        if (message.ok) waiting?.resolve(message.value)
        else waiting?.reject(asWorkbenchError(message.error))
      }
    })
  })

  socket.on('error', () => undefined)
  socket.once('close', () => {
    for (const waiting of pending.values()) waiting.reject(wentAway())
    pending.clear()
    if (!hungUp) for (const listener of lostListeners) listener()
  })
  await ready

  return {
    invoke: (name, input) =>
      new Promise((done, fail) => {
        if (socket.destroyed || hungUp) {
          fail(wentAway())
          return
        }
        const id = nextId++
        pending.set(id, { resolve: done, reject: fail })
        send(socket, { type: 'invoke', id, name, input } satisfies ToWorkbench)
      }),
    onEvent: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onLost: (listener) => {
      if (socket.destroyed && !hungUp) listener()
      else lostListeners.add(listener)
    },
    close: () =>
      new Promise((done) => {
        hungUp = true
        if (socket.destroyed) done()
        else socket.once('close', () => done()).end(() => socket.destroy())
      }),
  }
}

/** Remove a socket file, and the temporary folder made for it; nothing else is touched. */
export function removeSocket(address: string): void {
  if (process.platform === 'win32') return
  try {
    rmSync(address, { force: true })
    if (basename(dirname(address)).startsWith(temporaryPrefix)) rmdirSync(dirname(address))
  } catch {
    // Not there, or not ours: then listening says so.
  }
}

function serveConnection(socket: Socket, workbench: WorkbenchPort): void {
  const reply = (message: FromWorkbench): void => send(socket, message)
  const stop = workbench.onEvent((topic, message) => reply({ type: 'event', topic, message }))
  socket.once('close', stop)
  socket.on('error', () => undefined)
  readMessages(socket, (raw) => {
    const { id, name, input } = Invoke.parse(raw)
    workbench.invoke(name, input).then(
      (value) => reply({ type: 'result', id, ok: true, value }),
      (error: unknown) => reply({ type: 'result', id, ok: false, error: toContractError(error) }),
    )
  })
  reply({ type: 'ready' })
}

function send(socket: Socket, message: FromWorkbench | ToWorkbench): void {
  if (!socket.writable) return
  socket.write(`${JSON.stringify(message)}\n`)
  if (socket.writableLength > largestBacklog) socket.destroy()
}

/** Calls `receive` per line; a line that is no message of ours ends the connection. */
function readMessages(socket: Socket, receive: (message: unknown) => void): void {
  const decoder = new StringDecoder('utf8')
  let parts: string[] = []
  let length = 0
  socket.on('data', (chunk) => {
    const lines = decoder.write(chunk).split('\n')
    const last = lines.pop() ?? ''
    try {
      for (const line of lines) {
        const message: unknown = JSON.parse(parts.join('') + line)
        parts = []
        length = 0
        receive(message)
      }
    } catch {
      socket.destroy()
      return
    }
    parts.push(last)
    length += last.length
    if (length > largestMessage) socket.destroy()
  })
}

function newAddress(home: string): string {
  if (process.platform === 'win32') {
    // Any user can make a pipe of any name; one that cannot be guessed is not taken already.
    return `\\\\.\\pipe\\${temporaryPrefix}${randomBytes(16).toString('hex')}`
  }
  const inHome = join(resolve(home), 'workbench.sock')
  if (Buffer.byteLength(inHome) <= longestAddress) return inHome
  // A folder of mkdtemp is new and its user's alone, so nobody else can have put something in its place.
  const inTemporary = (folder: string): string => join(folder, `${temporaryPrefix}XXXXXX`, 'workbench.sock')
  const base = Buffer.byteLength(inTemporary(tmpdir())) <= longestAddress ? tmpdir() : '/tmp'
  return join(mkdtempSync(join(base, temporaryPrefix)), 'workbench.sock')
}

async function listenPrivately(server: Server, address: string): Promise<void> {
  const listening = new Promise<void>((done, fail) => {
    server.once('listening', done)
    server.once('error', fail)
  })
  // The socket file is made within the call, so that only this file gets the narrow mode, from its first moment.
  const mask = process.platform === 'win32' ? undefined : process.umask(0o177)
  try {
    server.listen(address)
  } finally {
    if (mask !== undefined) process.umask(mask)
  }
  try {
    await listening
    if (process.platform !== 'win32') chmodSync(address, 0o600)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new WorkbenchError('storage', `The workbench cannot listen at ${address}: ${reason}`, {
      cause: error,
    })
  }
}

function asWorkbenchError(error: ContractError): WorkbenchError {
  return new WorkbenchError(
    error.code,
    error.message,
    error.detail === undefined ? {} : { detail: error.detail },
  )
}

function wentAway(): WorkbenchError {
  return new WorkbenchError('unavailable', 'The workbench process went away before it answered. Try again.')
}
