import { totalmem } from 'node:os'

import type { CompiledGraph } from '../engines/engine.ts'

/** Graphs kept however little memory there is: the one at work and the one before it. */
const fewest = 2

/**
 * Compiled graphs by a key, made when first asked for. Those that were not used for longest are disposed where there
 * are too many, or where this process holds half of the machine's memory. It owns its graphs: `dispose` it.
 */
export class GraphCache<Entry extends { compiled: CompiledGraph }> {
  private readonly entries = new Map<string, Entry>()
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  /** What was asked for last stays until something else is. */
  async get(key: string, make: () => Promise<Entry>): Promise<Entry> {
    const known = this.entries.get(key)
    this.entries.delete(key)
    const entry = known ?? (await make())
    this.entries.set(key, entry)
    const crowded = process.memoryUsage.rss() > totalmem() / 2
    const kept = crowded ? Math.min(fewest, this.most) : this.most
    for (const [oldest, { compiled }] of this.entries) {
      if (this.entries.size <= kept) break
      this.entries.delete(oldest)
      await compiled.dispose()
    }
    return entry
  }

  async dispose(): Promise<void> {
    const entries = [...this.entries.values()]
    this.entries.clear()
    for (const { compiled } of entries) await compiled.dispose()
  }
}
