import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'

import type { Encoding } from '../../preload/contract.ts'
import { asFileError } from './encoding.ts'

export interface Line {
  /** From 1. */
  number: number
  /** Without the line feed, and without a carriage return before it. */
  text: string
  /** Why the line cannot be used, whatever it holds. */
  problem?: string
}

export interface LineChunk {
  lines: Line[]
  /** Bytes of the file read so far. */
  bytes: number
}

export interface LineOptions {
  /** Byte to begin at, which must begin a line; lines are then numbered from 1 there. */
  start?: number
  /** Bytes; a longer line is passed over with its problem named. */
  longest?: number
}

const longestLine = 16 * 1024 * 1024
const lineFeed = 10

/**
 * A file's lines, some at a time so that other work gets its turn, never the file as a whole. Only a line feed
 * ends a line: NEL, U+2028 and the like are characters of the text (rt-polarity holds some).
 */
export async function* readLines(
  path: string,
  encoding: Encoding,
  options: LineOptions = {},
): AsyncGenerator<LineChunk> {
  const { start = 0, longest = longestLine } = options
  let number = 0
  let pending: Buffer[] = []
  let pendingBytes = 0
  let overlong = false
  let read = 0
  const decode = decoderOf(encoding)

  function finish(last: Buffer): Line {
    const bytes = pending.length === 0 ? last : Buffer.concat([...pending, last])
    const tooLong = overlong || bytes.length > longest
    pending = []
    pendingBytes = 0
    overlong = false
    number++
    if (tooLong)
      return { number, text: '', problem: `the line is longer than ${Math.round(longest / 2 ** 20)} MB` }
    return { number, ...decode(bytes) }
  }

  for await (const { chunk, bytes } of readChunks(path, encoding, start)) {
    const lines: Line[] = []
    let from = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, from)) {
      lines.push(finish(chunk.subarray(from, end)))
      from = end + 1
    }
    const rest = chunk.subarray(from)
    pendingBytes += rest.length
    if (pendingBytes > longest) {
      overlong = true
      pending = []
    } else if (rest.length > 0) {
      pending.push(rest)
    }
    read = bytes
    yield { lines, bytes }
  }
  if (pendingBytes > 0) yield { lines: [finish(Buffer.alloc(0))], bytes: read }
}

function decoderOf(encoding: Encoding): (bytes: Buffer) => { text: string; problem?: string } {
  if (encoding === 'latin-1') return (bytes) => ({ text: withoutReturn(bytes.toString('latin1')) })
  if (encoding === 'windows-1252') {
    const decoder = new TextDecoder(encoding)
    return (bytes) => ({ text: withoutReturn(decoder.decode(bytes)) })
  }
  return (bytes) => {
    const text = withoutReturn(bytes.toString('utf8'))
    if (text.includes('\ufffd') && !isUtf8(bytes)) return { text, problem: 'the line is not valid UTF-8' }
    return { text }
  }
}

function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text
}

/** Bytes without a byte order mark; UTF-16 as UTF-8, so that a line feed is one byte. */
async function* readChunks(
  path: string,
  encoding: Encoding,
  start: number,
): AsyncGenerator<{ chunk: Buffer; bytes: number }> {
  const utf16 = encoding === 'utf-16le' ? new TextDecoder('utf-16le') : undefined
  let bytes = 0
  try {
    for await (const raw of createReadStream(path, { start, highWaterMark: 1 << 18 })) {
      let chunk: Buffer = raw
      if (utf16 !== undefined) chunk = Buffer.from(utf16.decode(chunk, { stream: true }), 'utf8')
      else if (bytes === 0 && start === 0 && chunk.subarray(0, 3).equals(byteOrderMark))
        chunk = chunk.subarray(3)
      bytes += raw.length
      yield { chunk, bytes }
    }
  } catch (cause) {
    throw asFileError(path, cause)
  }
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
