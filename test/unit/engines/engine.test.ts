import { describe, expect, it } from 'vitest'

import { add, dimensionSize, Graph, multiply } from '../../../main/graph/index.ts'
import { runFailure, type Engine } from '../../../main/engines/engine.ts'
import { engines } from '../../engines.ts'

/** `total` grows by `x` with every run; `scale` is state that no run changes. */
function counter(engine: Engine) {
  const graph = new Graph()
  const total = graph.input('total', 'float32', [2])
  const scale = graph.input('scale', 'float32', [2])
  const x = graph.input('x', 'float32', [2])
  const next = add(total, multiply(x, scale))
  graph.output('next', next)
  graph.output('twice', multiply(next, 2))
  return engine.compile(graph, { state: { total: 'next', scale: undefined } })
}
const x = { data: Float32Array.of(1, 10), shape: [2] }

describe.each(engines)('state of $title', ({ engine }) => {
  it('moves on from run to run, and stays where a run is told not to update it', async () => {
    const compiled = await counter(engine)
    compiled.setState('total', Float32Array.of(0, 0))
    compiled.setState('scale', Float32Array.of(1, 1))
    const first = await compiled.run({ x }, ['twice'])
    expect([...(first['twice']?.data ?? [])]).toEqual([2, 20])
    await compiled.run({ x }, ['twice'], [])
    expect([...(await compiled.state('total'))]).toEqual([1, 10])
    await compiled.run({ x }, [])
    await compiled.run({ x }, [])
    expect([...(await compiled.state('total'))]).toEqual([3, 30])
    await compiled.dispose()
  })

  it('is a copy, in and out', async () => {
    const compiled = await counter(engine)
    const given = Float32Array.of(5, 5)
    compiled.setState('total', given)
    compiled.setState('scale', Float32Array.of(1, 1))
    given.fill(0)
    const taken = await compiled.state('total')
    expect([...taken]).toEqual([5, 5])
    taken.fill(0)
    expect([...(await compiled.state('total'))]).toEqual([5, 5])
    await compiled.dispose()
  })

  it('can be fetched in the run that replaces it', async () => {
    const compiled = await counter(engine)
    compiled.setState('total', Float32Array.of(1, 1))
    compiled.setState('scale', Float32Array.of(1, 1))
    const { next } = await compiled.run({ x }, ['next'])
    await compiled.run({ x }, [])
    expect([...(next?.data ?? [])]).toEqual([2, 11])
    expect([...(await compiled.state('total'))]).toEqual([3, 21])
    await compiled.dispose()
  })

  it('stays where a run’s guard is not finite', async () => {
    const compiled = await counter(engine)
    compiled.setState('total', Float32Array.of(1, 1))
    compiled.setState('scale', Float32Array.of(1, 1))
    const endless = { data: Float32Array.of(Infinity, 1), shape: [2] }
    const { twice } = await compiled.run({ x: endless }, ['twice'], undefined, 'twice')
    expect([...(twice?.data ?? [])]).toEqual([Infinity, 4])
    expect([...(await compiled.state('total'))]).toEqual([1, 1])
    await compiled.run({ x }, ['twice'], undefined, 'twice')
    expect([...(await compiled.state('total'))]).toEqual([2, 11])
    await compiled.dispose()
  })

  it('must be known, set, and of its size', async () => {
    const compiled = await counter(engine)
    expect(() => compiled.setState('other', Float32Array.of(1))).toThrow(/no state "other"/)
    expect(() => compiled.setState('total', Float32Array.of(1))).toThrow(/2 values, not 1/)
    await expect(compiled.run({ x }, [])).rejects.toThrow(/without its input "total"/)
    await compiled.dispose()
  })
})

describe.each(engines)('$title', ({ engine }) => {
  it('says what it is', () => {
    expect(engine.version).toMatch(/^\d+\.\d+\.\d+/)
    expect(engine.threads).toBeGreaterThan(0)
  })

  it('takes another size with every run', async () => {
    const graph = new Graph()
    const a = graph.input('a', 'float32', ['n'])
    graph.output('size', dimensionSize(a, 0))
    const compiled = await engine.compile(graph)
    for (const n of [3, 1, 7]) {
      const { size } = await compiled.run({ a: { data: new Float32Array(n), shape: [n] } }, ['size'])
      expect([...(size?.data ?? [])]).toEqual([n])
    }
    await compiled.dispose()
  })

  it('reports a run that fails as its own error', async () => {
    const graph = new Graph()
    graph.output('y', add(graph.input('a', 'float32', ['n']), graph.input('b', 'float32', ['n'])))
    const compiled = await engine.compile(graph)
    const feeds = {
      a: { data: new Float32Array(3), shape: [3] },
      b: { data: new Float32Array(2), shape: [2] },
    }
    await expect(compiled.run(feeds, ['y'])).rejects.toMatchObject({ code: 'engine' })
    await compiled.dispose()
  })
})

describe('a run that failed on the device', () => {
  it.each([
    ['OOM when allocating tensor with shape[32,12,512,512]', /lower the batch size, the micro-batch size or/],
    ['std::bad_alloc', /not enough memory/],
    [
      '[Device] is lost. A valid external Instance reference no longer exists. device was lost',
      /resume the run/,
    ],
    ['CUDA failure 719: unspecified launch failure', /on cpu if it happens again/],
  ])('says what to do about %s', (reason, advice) => {
    const { code, message } = runFailure('tensorflow', 'webgpu', new Error(reason))
    expect(code).toBe('engine')
    expect(message).toContain(`tensorflow on webgpu failed in a run: ${reason}. `)
    expect(message).toMatch(advice)
  })

  it('says nothing more than the reason where it knows nothing', () => {
    const { message } = runFailure('onnxruntime', 'cpu', new Error('2 by 3'))
    expect(message).toBe('onnxruntime on cpu failed in a run: 2 by 3')
  })
})
