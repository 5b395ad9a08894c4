/** Words of GPT-2, each with the space before it. White space is Unicode's, as in Rust, not JavaScript's. */
const words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

/** Bytes that stand for themselves as Latin-1 characters. */
function isVisible(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad)
}

/** The character of each byte: itself where it is visible, else the next one from U+0100 on. */
function byteCharacters(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isVisible(byte) ? byte : next++))
}

/** Real text repeats most of its words. */
const wordsKept = 100_000

/** Splits a text into words and writes each as its UTF-8 bytes, one character per byte. */
export function makeByteLevel(options: {
  addPrefixSpace: boolean
  useRegex: boolean
}): (text: string) => string[] {
  const characters = byteCharacters()
  const encoder = new TextEncoder()
  const known = new Map<string, string>()
  const toBytes = (word: string): string => {
    const cached = known.get(word)
    if (cached !== undefined) return cached
    let bytes = ''
    for (const byte of encoder.encode(word)) bytes += characters[byte] ?? ''
    if (known.size >= wordsKept) known.clear()
    known.set(word, bytes)
    return bytes
  }
  return (text) => {
    const prefixed = options.addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text
    return (options.useRegex ? (prefixed.match(words) ?? []) : [prefixed]).map(toBytes)
  }
}
