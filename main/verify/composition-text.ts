import { WorkbenchError } from '../../preload/contract.ts'
import type { Composition, CompositionBlock } from '../adapters/composition.ts'

const kinds: Record<string, CompositionBlock['kind']> = {
  Stack: 'stack',
  Fuse: 'fuse',
  Average: 'average',
  Parallel: 'parallel',
  BatchSplit: 'batchSplit',
}

/**
 * Reads a composition as the adapters library prints it (`Stack[a, Fuse[b, c]]`) or as a call that makes one
 * (`Average('a', 'b', weights=[.3, .7])`), which also says weights and batch sizes.
 *
 * @throws WorkbenchError `unsupported` for a block that there is not
 */
export function parseComposition(text: string): Composition {
  const reader = new Reader(text)
  return reader.composition()
}

/** All compositions that library calls name (`train_adapter(Stack('a','b')); …`), inner ones as well. */
export function findCompositions(calls: string): Composition[] {
  return Array.from(calls.matchAll(/\b(?:Stack|Fuse|Average|Parallel|BatchSplit)\s*\(/g), ({ index }) =>
    parseComposition(calls.slice(index)),
  )
}

class Reader {
  private readonly tokens: readonly string[]
  private next = 0

  constructor(text: string) {
    this.tokens = text.match(/'[^']*'|"[^"]*"|[\w.+-]+|[()[\],=]/g) ?? []
  }

  composition(): Composition {
    const name = this.take().replaceAll(/['"]/g, '')
    if (this.peek() !== '(' && this.peek() !== '[') return name
    const kind = kinds[name]
    if (!kind) throw new WorkbenchError('unsupported', `the composition block ${name} is not supported`)
    this.take()
    const children: Composition[] = []
    const numbers: Record<string, number[]> = {}
    let asGiven = false
    while (this.peek() !== ')' && this.peek() !== ']') {
      if (this.tokens[this.next + 1] === '=') {
        const setting = this.take()
        this.take()
        if (this.peek() === '[' || this.peek() === '(') numbers[setting] = this.numbers()
        else if (this.take() === 'False' && setting === 'normalize_weights') asGiven = true
      } else children.push(this.composition())
      if (this.peek() === ',') this.take()
    }
    this.take()
    const { weights, batch_sizes: sizes } = numbers
    if (kind === 'average') return { kind, children, ...(weights ? { weights } : {}), asGiven }
    if (kind === 'batchSplit') return { kind, children, ...(sizes ? { sizes } : {}) }
    return { kind, children }
  }

  private numbers(): number[] {
    this.take()
    const numbers: number[] = []
    while (this.peek() !== ']' && this.peek() !== ')') {
      numbers.push(Number(this.take()))
      if (this.peek() === ',') this.take()
    }
    this.take()
    return numbers
  }

  private peek(): string | undefined {
    return this.tokens[this.next]
  }

  private take(): string {
    const token = this.tokens[this.next]
    if (token === undefined) throw new WorkbenchError('bad-input', 'the composition ends too early')
    this.next += 1
    return token
  }
}
