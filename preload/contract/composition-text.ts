import { blockNames, type BlockKind, type Composition, type CompositionBlock } from './composition.ts'
import { WorkbenchError } from './errors.ts'

const kinds = new Map(
  (Object.keys(blockNames) as BlockKind[]).map((kind): [string, BlockKind] => [blockNames[kind], kind]),
)

/** What the adapters that a run builds on are called in its composition, in their order: a, b, c … @param index below 26 */
export function adapterLetter(index: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + index)
}

/** As the adapters library prints it: `Stack[a, Fuse[b, c]]`. Weights and batch sizes are not in it. */
export function describeComposition(composition: Composition): string {
  if (typeof composition === 'string') return composition
  return `${blockNames[composition.kind]}[${composition.children.map(describeComposition).join(', ')}]`
}

/** As the call that makes it, with all that it says: `Average(a, Stack(b, c), weights=[0.3, 0.7])`. */
export function writeComposition(composition: Composition): string {
  if (typeof composition === 'string') return composition
  const list = (name: string, numbers?: readonly number[]): string[] =>
    numbers ? [`${name}=[${numbers.join(', ')}]`] : []
  const settings =
    composition.kind === 'average'
      ? [...list('weights', composition.weights), ...(composition.asGiven ? ['normalize_weights=False'] : [])]
      : composition.kind === 'batchSplit'
        ? list('batch_sizes', composition.sizes)
        : []
  const parts = [...composition.children.map(writeComposition), ...settings]
  return `${blockNames[composition.kind]}(${parts.join(', ')})`
}

/**
 * Reads a composition as the adapters library prints it (`Stack[a, Fuse[b, c]]`) or as a call that makes one
 * (`Average('a', 'b', weights=[.3, .7])`), which also says weights and batch sizes.
 *
 * @throws WorkbenchError `unsupported` for a block that there is not, `bad-input` where it cannot be read
 */
export function parseComposition(text: string): Composition {
  const reader = new Reader(text)
  const composition = reader.composition()
  reader.end()
  return composition
}

/** All compositions that library calls name (`train_adapter(Stack('a','b')); …`), inner ones as well. */
export function findCompositions(calls: string): Composition[] {
  return Array.from(calls.matchAll(/\b(?:Stack|Fuse|Average|Parallel|BatchSplit)\s*\(/g), ({ index }) =>
    new Reader(calls.slice(index)).composition(),
  )
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']' }

class Reader {
  private readonly tokens: readonly string[]
  private next = 0

  constructor(text: string) {
    this.tokens = text.match(/'[^']*'|"[^"]*"|[\w.+-]+|\S/g) ?? []
  }

  composition(): Composition {
    const name = this.word('an adapter or a block')
    const close = closing[this.peek() ?? '']
    if (close === undefined) return name
    const kind = kinds.get(name)
    if (!kind) {
      throw new WorkbenchError(
        'unsupported',
        `the composition block ${name} is not supported; there are ${[...kinds.keys()].join(', ')}`,
      )
    }
    this.take()
    const children: Composition[] = []
    const settings: Settings = {}
    this.list(close, () => {
      if (this.tokens[this.next + 1] !== '=') {
        children.push(this.composition())
        return
      }
      this.setting(kind, settings)
    })
    return blockOf(kind, children, settings)
  }

  /** One of those that the block has; a misspelt one would be one that is silently left out. */
  private setting(kind: BlockKind, settings: Settings): void {
    const name = this.take()
    this.take()
    if (this.peek() === 'None') return void this.take()
    const isList = closing[this.peek() ?? ''] !== undefined
    if (kind === 'average' && name === 'weights' && isList) settings.weights = this.numbers()
    else if (kind === 'batchSplit' && name === 'batch_sizes') {
      settings.sizes = isList ? this.numbers() : this.number(this.take())
    } else if (
      kind === 'average' &&
      name === 'normalize_weights' &&
      /^(?:true|false)$/i.test(this.peek() ?? '')
    ) {
      settings.asGiven = /^false$/i.test(this.take())
    } else {
      this.refuse(
        `"${name}" is no setting of ${blockNames[kind]}, or its value is none of it; there are weights=[…] and normalize_weights=True or False of Average, and batch_sizes=[…] of BatchSplit`,
      )
    }
  }

  /** @throws WorkbenchError `bad-input` where something is left */
  end(): void {
    const left = this.peek()
    if (left !== undefined) this.refuse(`"${left}" comes after its end`)
  }

  private numbers(): number[] {
    const close = closing[this.take()] ?? ''
    const numbers: number[] = []
    this.list(close, () => numbers.push(this.number(this.take())))
    return numbers
  }

  private number(token: string): number {
    const value = Number(token)
    return Number.isFinite(value) ? value : this.refuse(`"${token}" is no number`)
  }

  /** What stands between commas, up to the bracket that closes the list. */
  private list(close: string, item: () => void): void {
    while (this.peek() !== close) {
      item()
      if (this.peek() === ',') this.take()
      else if (this.peek() !== close) {
        this.refuse(`"${this.take()}" stands where a comma or "${close}" is expected`)
      }
    }
    this.take()
  }

  private word(what: string): string {
    const token = this.take()
    const name = token.replaceAll(/^['"]|['"]$/g, '')
    return /^['"\w]/.test(token) && name !== ''
      ? name
      : this.refuse(`"${token}" stands where ${what} is expected`)
  }

  private peek(): string | undefined {
    return this.tokens[this.next]
  }

  private take(): string {
    const token = this.tokens[this.next]
    if (token === undefined) return this.refuse('it ends too early')
    this.next += 1
    return token
  }

  private refuse(why: string): never {
    throw new WorkbenchError('bad-input', `the composition cannot be read: ${why}`)
  }
}

interface Settings {
  weights?: number[]
  sizes?: number | number[]
  asGiven?: boolean
}

function blockOf(
  kind: BlockKind,
  children: Composition[],
  { weights, sizes, asGiven = false }: Settings,
): CompositionBlock {
  if (kind === 'average') {
    return { kind, children, ...(weights ? { weights } : {}), asGiven }
  }
  if (kind === 'batchSplit' && sizes !== undefined) {
    // One size stands for as many of it as there are adapters.
    return { kind, children, sizes: Array.isArray(sizes) ? sizes : children.map(() => sizes) }
  }
  return { kind, children }
}
