import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createAdapterService, type AdapterHandlers } from '../../../main/services/adapters.ts'
import { sweepHome } from '../../../main/services/sweep.ts'
import { insertAdapter } from '../../../main/store/adapters.ts'
import { insertModel } from '../../../main/store/models.ts'
import type { AdapterSummary } from '../../../preload/contract.ts'
import { configOf, model, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let at: RunsHome
let adapters: AdapterHandlers
let changed: string[]

beforeEach(() => {
  at = openRunsHome()
  const { home, database, events } = at
  adapters = createAdapterService({ database, home, publish: events.publish })
  changed = []
  events.subscribe('adapter.changed', ({ id }) => changed.push(id))
})

afterEach(async () => {
  await at.close()
  removeHome(at.home)
})

const hash = model.hash
const list = (): AdapterSummary[] => adapters['adapters.list']({}) as AdapterSummary[]
const rename = async (id: string, name: string) => adapters['adapters.rename']({ id, name })
const remove = async (id: string) => adapters['adapters.remove']({ id })
const get = async (id: string) => adapters['adapters.get']({ id })

/** A finished run's id. */
async function finish(options: Record<string, unknown>, rest: object = {}): Promise<string> {
  const { id } = await at.runs['runs.start'](configOf({ steps: 10, hash, ...options }, rest))
  const run = await at.reaches(id, 'finished', 'failed')
  expect(run.error).toBeUndefined()
  return id
}

/** Stored adapters that the scripted trainer left, the newest first. */
async function train(parts: string[] = ['adapter'], rest: object = {}): Promise<AdapterSummary[]> {
  await finish({ parts }, rest)
  return list()
}

describe('what a finished run leaves', () => {
  it('is kept with all that is known of it, in a file of its own', async () => {
    const runId = await finish({ parts: ['adapter', 'head'] })
    const [head, adapter] = list()
    expect(adapter).toMatchObject({
      name: 'scripted · reviews',
      kind: 'adapter',
      method: { name: 'scripted' },
      family: 'adapter',
      modelHash: hash,
      modelName: 'tiny',
      modelId: 'model',
      runId,
      datasetName: 'reviews',
      labels: [],
      adapterIds: [],
      parameters: 2,
      score: { metric: 'accuracy', value: 0.9 },
    })
    expect(head).toMatchObject({ name: 'scripted head · reviews', kind: 'head', labels: ['bad', 'good'] })
    const detail = await get(adapter?.id ?? '')
    expect(detail.tensors).toEqual([{ name: 'adapter.weight', shape: [2] }])
    expect(detail.file).toBe(join(at.home, 'adapters', `${detail.id}.safetensors`))
    expect(changed).toEqual([adapter?.id, head?.id])
    // The run's own copy has done its work.
    expect(readdirSync(join(at.home, 'runs', runId))).not.toContain('adapter.safetensors')
  })

  it('is known by the method that it is, with the options that differ from its preset', async () => {
    const partMethod = { name: 'seq_bn', options: { reduction_factor: 16, non_linearity: 'gelu' } }
    await finish({ parts: ['adapter'], partMethod })
    expect(list()[0]?.method).toEqual({ name: 'seq_bn', options: { non_linearity: 'gelu' } })
  })

  it('gets a number where another has its name', async () => {
    await train()
    expect((await train()).map(({ name }) => name)).toEqual(['scripted · reviews 2', 'scripted · reviews'])
  })

  it('stays when the run is removed, and no longer names it', async () => {
    const runId = await finish({ parts: ['adapter'] })
    await at.runs['runs.remove']({ id: runId })
    const [adapter] = list()
    expect(adapter?.runId).toBeUndefined()
    expect(existsSync((await get(adapter?.id ?? '')).file)).toBe(true)
  })

  it('belongs to the backbone as the run left it, which nobody else has', async () => {
    await finish({ parts: ['head'], hashAfter: 'tuned' })
    expect(list()[0]).toMatchObject({ modelHash: 'tuned', modelName: 'tiny (tuned)' })
    expect(list()[0]?.modelId).toBeUndefined()
    expect(await adapters['adapters.list']({ modelId: model.id })).toEqual([])
  })

  it('is missed with a line in the log when its file is not there; the run has finished all the same', async () => {
    const id = await finish({ parts: ['adapter'], lostParts: true })
    expect(list()).toEqual([])
    const log = await at.runs['runs.log']({ id, after: 0 })
    expect(log.at(-1)).toMatchObject({
      level: 'error',
      text: expect.stringMatching(/could not be kept/) as string,
    })
  })
})

describe('the list', () => {
  it('gives only those that fit a model, when one is named', async () => {
    await train()
    insertModel(at.database, { ...model, id: 'other', name: 'other', hash: 'other weights' })
    expect(await adapters['adapters.list']({ modelId: 'other' })).toEqual([])
    expect(await adapters['adapters.list']({ modelId: model.id })).toHaveLength(1)
    expect(() => adapters['adapters.list']({ modelId: 'none' })).toThrow(/no model none/)
  })
})

describe('renaming', () => {
  it('changes the name, unless another has it', async () => {
    await train()
    const [second, first] = await train()
    expect(await rename(first?.id ?? '', 'mine')).toMatchObject({ name: 'mine' })
    expect(await rename(first?.id ?? '', 'mine')).toMatchObject({ name: 'mine' })
    await expect(rename(second?.id ?? '', 'mine')).rejects.toMatchObject({ code: 'conflict' })
    await expect(rename('none', 'x')).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('removing', () => {
  it('takes the row and the file', async () => {
    const [adapter] = await train()
    const { file, id } = await get(adapter?.id ?? '')
    await remove(id)
    expect(existsSync(file)).toBe(false)
    expect(list()).toEqual([])
    await expect(remove(id)).rejects.toMatchObject({ code: 'not-found' })
  })

  it('is refused while a run builds on it, finished or not, naming the run', async () => {
    const [adapter] = await train()
    const id = adapter?.id ?? ''
    const method = { name: 'fuse', options: { steps: 10, hash, parts: ['fusion'] } }
    const run = await at.runs['runs.start'](configOf({}, { method, adapterIds: [id], name: 'my fusion' }))
    await at.reaches(run.id, 'finished')
    expect((await get(id)).usedBy).toEqual([{ id: run.id, name: 'my fusion' }])
    await expect(remove(id)).rejects.toMatchObject({
      code: 'conflict',
      message:
        'The adapter “scripted · reviews” is what the run “my fusion” builds on. Remove that run first.',
    })
    // The fusion outlives its run, and needs its adapters as well.
    await at.runs['runs.remove']({ id: run.id })
    await expect(remove(id)).rejects.toThrow(/part of the stored fusion “fuse · reviews”/)
    const fusion = list().find(({ kind }) => kind === 'fusion')
    expect(fusion?.adapterIds).toEqual([id])
    await remove(fusion?.id ?? '')
    await remove(id)
    expect(list()).toEqual([])
  })
})

describe('a file that is not as it was', () => {
  it.each([
    ['damaged', 'not safetensors at all', 'bad-input'],
    ['gone', undefined, 'not-found'],
  ])('is named when it is %s', async (_, content, code) => {
    const id = 'x'
    const file = join(at.home, 'adapters', 'x.safetensors')
    await train()
    const [known] = list()
    if (known === undefined) throw new Error('nothing was kept')
    insertAdapter(at.database, { ...known, id, name: 'x', file: 'adapters/x.safetensors' })
    if (content !== undefined) writeFileSync(file, content)
    await expect(get(id)).rejects.toMatchObject({ code, message: expect.stringContaining(file) as string })
  })
})

it('files that no row names go with the sweep, the others stay', async () => {
  const [adapter] = await train()
  const folder = join(at.home, 'adapters')
  writeFileSync(join(folder, 'gone.safetensors'), '')
  writeFileSync(join(folder, `${adapter?.id ?? ''}.safetensors.1.ab.tmp`), '')
  expect(await sweepHome(at.database, at.home)).toHaveLength(2)
  expect(readdirSync(folder)).toEqual([`${adapter?.id ?? ''}.safetensors`])
})
