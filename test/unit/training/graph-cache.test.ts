import { describe, expect, it } from 'vitest'

import type { CompiledGraph } from '../../../main/engines/engine.ts'
import { GraphCache } from '../../../main/training/graph-cache.ts'

/** A graph that only knows whether it was disposed. */
function entry(name: string, disposed: string[]): { name: string; compiled: CompiledGraph } {
  return {
    name,
    compiled: {
      run: () => Promise.resolve({}),
      setState: () => undefined,
      state: () => Promise.resolve(new Float32Array()),
      dispose: () => Promise.resolve(void disposed.push(name)),
    },
  }
}

describe('a cache of graphs', () => {
  it('makes each graph once as long as there is room', async () => {
    const disposed: string[] = []
    const cache = new GraphCache<ReturnType<typeof entry>>(3)
    let made = 0
    const get = (name: string) =>
      cache.get(name, () => {
        made += 1
        return Promise.resolve(entry(name, disposed))
      })
    for (const name of ['a', 'b', 'a', 'c', 'b']) expect((await get(name)).name).toBe(name)
    expect(made).toBe(3)
    expect(disposed).toEqual([])
  })

  it('disposes the graph that was not used for longest, and the rest at the end', async () => {
    const disposed: string[] = []
    const cache = new GraphCache<ReturnType<typeof entry>>(2)
    const get = (name: string) => cache.get(name, () => Promise.resolve(entry(name, disposed)))
    for (const name of ['a', 'b', 'a', 'c']) await get(name)
    expect(disposed).toEqual(['b'])
    await get('b')
    expect(disposed).toEqual(['b', 'a'])
    await cache.dispose()
    expect(disposed.toSorted()).toEqual(['a', 'b', 'b', 'c'])
  })
})
