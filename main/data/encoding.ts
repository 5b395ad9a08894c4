import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { isUtf8 } from 'node:buffer'

import { WorkbenchError, type Encoding } from '../../preload/contract.ts'

export interface EncodingReport {
  encoding: Encoding
  byteOrderMark: boolean
  /** Size of the file. */
  bytes: number
}

const signatures: { bytes: number[]; what: string; advice: string }[] = [
  { bytes: [0x1f, 0x8b], what: 'a gzip archive', advice: 'Unpack it first.' },
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    what: 'a zip archive or a spreadsheet',
    advice: 'Unpack it, or save it as CSV.',
  },
  { bytes: [0x50, 0x41, 0x52, 0x31], what: 'a Parquet file', advice: 'Convert it to CSV or JSONL.' },
  { bytes: [0xfe, 0xff], what: 'big-endian UTF-16', advice: 'Save it as UTF-8.' },
  // Begins as UTF-16 does.
  { bytes: [0xff, 0xfe, 0, 0], what: 'UTF-32', advice: 'Save it as UTF-8.' },
  { bytes: [0, 0, 0xfe, 0xff], what: 'UTF-32', advice: 'Save it as UTF-8.' },
]

/**
 * How a file's bytes are to be read: by its byte order mark; else UTF-8 when every byte of it is valid UTF-8,
 * else latin-1 (ISO 8859-1, byte for byte). Reads the whole file, since the first odd byte may be its last.
 *
 * @param asked the user's own choice, taken as it stands
 * @throws WorkbenchError not-found, or bad-input for an empty file or one that holds no text
 */
export async function sniffEncoding(path: string, asked?: Encoding): Promise<EncodingReport> {
  const { head, bytes } = await readHead(path, 65_536)
  if (bytes === 0)
    throw new WorkbenchError('bad-input', `${path} is empty. Choose a file with labelled text.`)
  for (const { bytes: signature, what, advice } of signatures) {
    if (signature.every((byte, index) => head[index] === byte)) {
      throw new WorkbenchError('bad-input', `${path} is ${what}, not a text file. ${advice}`)
    }
  }
  const utf8Mark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf
  const utf16Mark = head[0] === 0xff && head[1] === 0xfe
  const utf16 = asked === 'utf-16le' || (asked === undefined && (utf16Mark || looksLikeUtf16(head)))
  if (utf16) return { encoding: 'utf-16le', byteOrderMark: utf16Mark, bytes }
  if (head.includes(0)) {
    throw new WorkbenchError(
      'bad-input',
      `${path} is not a text file (it contains zero bytes). Choose a CSV, TSV, JSONL or text file.`,
    )
  }
  const encoding = asked ?? ((await isUtf8File(path)) ? 'utf-8' : 'latin-1')
  return { encoding, byteOrderMark: utf8Mark, bytes }
}

/** The first bytes of a file, and the size of all of it. */
async function readHead(path: string, length: number): Promise<{ head: Buffer; bytes: number }> {
  try {
    const status = await stat(path)
    if (!status.isFile())
      throw new WorkbenchError('bad-input', `${path} is not a file. Name a file to import.`)
    const handle = await open(path, 'r')
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0)
      return { head: buffer.subarray(0, bytesRead), bytes: status.size }
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw asFileError(path, cause)
  }
}

/** What the user is told when a source file cannot be read. */
export function asFileError(path: string, cause: unknown): WorkbenchError {
  if (cause instanceof WorkbenchError) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new WorkbenchError('not-found', `There is no file ${path}. Check the path.`, { cause })
  }
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new WorkbenchError('bad-input', `${path} cannot be read: ${reason}. Check its permissions.`, {
    cause,
  })
}

/** Latin text in UTF-16LE has a zero in nearly every second byte, and none in the others. */
function looksLikeUtf16(head: Buffer): boolean {
  let even = 0
  let odd = 0
  for (const [index, byte] of head.entries()) {
    if (byte === 0) {
      if (index % 2 === 0) even++
      else odd++
    }
  }
  return odd > head.length * 0.3 && even < head.length * 0.01
}

async function isUtf8File(path: string): Promise<boolean> {
  let carried: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes: Buffer = Buffer.concat([carried, chunk])
    const whole = bytes.length - incompleteTail(bytes)
    if (!isUtf8(bytes.subarray(0, whole))) return false
    carried = bytes.subarray(whole)
  }
  return carried.length === 0
}

/** How many of the last bytes begin a UTF-8 sequence that the next chunk may complete. */
function incompleteTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return needed > back ? back : 0
    }
    if (byte < 0x80) return 0
  }
  return 0
}
