/** Records longer than this hold no scalars (they are images or graphs) and are passed over unread. */
const longestRecord = 16 * 1024 * 1024
const headerBytes = 12
const footerBytes = 4

export type RecordOrProblem = { record: Uint8Array } | { problem: string }

/**
 * The records of a TFRecord stream: length (uint64), its checksum, data, its checksum (masked CRC-32C, little-endian).
 * After a damaged record nothing can be found any more, so the problem is the last thing that is said; what a crash
 * left half written at the end is one too.
 */
export async function* readRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<RecordOrProblem> {
  let pending: Uint8Array[] = []
  let available = 0
  let offset = 0
  /** Bytes of an overlong record that are still to be passed over. */
  let skip = 0

  const take = (count: number): Uint8Array => {
    const joined = Buffer.concat(pending)
    pending = joined.length > count ? [joined.subarray(count)] : []
    available -= count
    offset += count
    return joined.subarray(0, count)
  }

  for await (const chunk of chunks) {
    pending.push(chunk)
    available += chunk.length
    if (skip > 0) {
      const passed = Math.min(skip, available)
      take(passed)
      skip -= passed
    }
    for (;;) {
      if (skip > 0 || available < headerBytes) break
      const header = peek(pending, headerBytes)
      const view = new DataView(header.buffer, header.byteOffset, headerBytes)
      const length = Number(view.getBigUint64(0, true))
      if (view.getUint32(8, true) !== maskedChecksum(header.subarray(0, 8))) {
        yield { problem: `no record begins at byte ${offset}: it is no event file, or damaged there` }
        return
      }
      const whole = headerBytes + length + footerBytes
      if (length > longestRecord) {
        const passed = Math.min(whole, available)
        take(passed)
        skip = whole - passed
        continue
      }
      if (available < whole) break
      const start = offset
      const bytes = take(whole)
      const record = bytes.subarray(headerBytes, headerBytes + length)
      const stated = new DataView(bytes.buffer, bytes.byteOffset + headerBytes + length, 4).getUint32(0, true)
      if (stated !== maskedChecksum(record)) {
        yield { problem: `the record at byte ${start} is damaged: its checksum is another` }
        return
      }
      yield { record }
    }
  }
  if (available > 0 || skip > 0) yield { problem: `it ends in the middle of a record, at byte ${offset}` }
}

/** The first bytes, without taking them. */
function peek(pending: readonly Uint8Array[], count: number): Uint8Array {
  const [first] = pending
  return first !== undefined && first.length >= count
    ? first.subarray(0, count)
    : Buffer.concat(pending).subarray(0, count)
}

/** CRC-32C by table, rotated and shifted as TFRecord stores it. */
export function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0)
  const sum = (crc ^ 0xffffffff) >>> 0
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0
}

const castagnoli = 0x82f63b78
const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ castagnoli : value >>> 1
  return value
})
