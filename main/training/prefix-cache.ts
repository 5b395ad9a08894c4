import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { basename, join } from 'node:path'

import { WorkbenchError } from '../../preload/contract.ts'
import { collate, evaluationBatches, type Batch } from '../data/batches.ts'
import type { CompiledGraph, CompileOptions, Engine, HostTensor } from '../engines/engine.ts'
import { frozenPart, savedShare, withStates, type FrozenPart, type Graph } from '../graph/index.ts'
import { evaluationBatchSize } from './evaluate.ts'
import type { Examples } from './examples.ts'
import { encoderFeeds } from './feeds.ts'
import { hasSize, makeRoom, openRecords, type RecordFile } from './state-file.ts'
import { formOf, joinRecords, recordLength, takeRecord, type StateForm } from './states.ts'

type Text = Examples['texts'][number]

export interface PrefixCacheOptions {
  engine: Engine
  backboneHash: string
  weights: Pick<CompileOptions, 'weights' | 'quantised' | 'half'>
  padId: number
  /** Where the states' files go; shared by all runs. */
  folder: string
  /** Bytes that all files there may take. */
  budget: number
  maximumLength: number
  log(text: string): void
}

/** The states of a batch's texts, by the names of a graph's inputs. */
export interface StateSource {
  feeds(texts: readonly Text[], batch: Batch): Promise<Record<string, HostTensor>>
}

/** Share of this machine's memory that states may take; the others are read from their files. */
const memoryShare = 1 / 16
/** Counts changes of how records lie in a file. */
const layoutVersion = 3
/** Below this share of a step's operations it is not worth a file. */
const leastSaved = 0.05

/**
 * What a run's graphs compute of each text whatever has been learned (below the lowest trained part), computed once
 * and kept: in memory first, then in files that other runs on the same backbone and texts find again. States are kept
 * by the text's token ids, without padding. It owns a graph and files: `dispose` it.
 */
export class PrefixCache implements StateSource {
  /** Share of a training step's operations that states save. */
  readonly savedShare: number
  private readonly part: FrozenPart
  private readonly forms: readonly StateForm[]
  private readonly options: PrefixCacheOptions
  private readonly stores: Store[] = []
  private readonly ready = new WeakSet<Examples>()
  private readonly keys = new WeakMap<Text, string>()
  private memoryLeft = Math.floor((totalmem() * memoryShare) / 4)
  private lower: CompiledGraph | undefined

  private constructor(part: FrozenPart, saved: number, options: PrefixCacheOptions) {
    this.part = part
    this.savedShare = saved
    this.options = options
    this.forms = part.states.map(({ name, shape }) => {
      const form = formOf(name, shape)
      if (!form) throw new Error(`a state of the shape [${shape.join(', ')}] cannot be kept`)
      return form
    })
  }

  /**
   * @param step a training graph of the run: the one that trains most
   * @returns undefined where it would save next to nothing
   */
  static of(step: Graph, options: PrefixCacheOptions): PrefixCache | undefined {
    const sizes = { batch: 1, sequence: options.maximumLength }
    const part = frozenPart(step, {
      content: ['ids', 'typeIds'],
      context: ['mask', 'positions'],
      storable: (shape) => formOf('', shape) !== undefined,
      sizes,
    })
    const rest = part && withStates(step, part)
    const saved = rest ? savedShare(step, rest, sizes) : 0
    return part && saved >= leastSaved ? new PrefixCache(part, saved, options) : undefined
  }

  /** Bytes that the states of these examples take, as far as the budget lets; whether they are there yet or not. */
  bytesOf(all: readonly Examples[]): number {
    let bytes = 0
    for (const examples of all) {
      bytes += this.layOut(this.distinct(examples), (this.options.budget - bytes) / 4).length * 4
    }
    return bytes
  }

  /** @returns undefined for a graph that computes none of the states */
  apply(graph: Graph): Graph | undefined {
    return withStates(graph, this.part)
  }

  /**
   * Computes the states of these examples, or finds them; as many as the budget lets.
   *
   * @param breathe called after each batch; may throw to end it
   */
  async ensure(examples: Examples, breathe: () => Promise<void>): Promise<void> {
    if (this.ready.has(examples)) return
    const { folder, budget, log } = this.options
    // Where it cannot be made, no file can be written, and states stay in memory.
    await mkdir(folder, { recursive: true }).catch(() => undefined)
    const texts = this.distinct(examples)
    const path = join(folder, `${this.fileKey(texts)}.bin`)
    const wanted = this.lengthOf(texts) * 4
    const inUse = new Set([path, ...this.stores.map((store) => store.path)])
    const room = (await hasSize(path, wanted)) ? wanted : await makeRoom(folder, wanted, budget, inUse)
    const { places, length, batches } = this.layOut(texts, Math.max(0, room) / 4)
    if (length > 0) {
      const began = performance.now()
      try {
        const own = places.size < texts.length ? path.replace(/\.bin$/, `-${places.size}.bin`) : path
        const memory = Math.min(length, this.memoryLeft)
        const { file, computed } = await openRecords({ path: own, length, memory }, (put) =>
          this.computeAll(batches, put, breathe),
        )
        this.memoryLeft -= memory
        this.stores.push({ path: own, file, places, length })
        const seconds = ((performance.now() - began) / 1000).toFixed(1)
        log(
          `States of the frozen part, which is ${(this.savedShare * 100).toFixed(0)} % of a step: ${places.size} of ${texts.length} texts, ${megabytes(length * 4)} MB, ` +
            (computed ? `computed in ${seconds} s` : 'found in the cache folder'),
        )
      } catch (error) {
        if (!(error instanceof WorkbenchError) || error.code !== 'storage') throw error
        log(`The states of the frozen part are computed anew each time, since ${error.message}`)
      }
    }
    this.ready.add(examples)
    // Nothing more is asked of it where every text has its states.
    if (places.size === texts.length) await this.disposeLower()
  }

  /** The states of a batch, by their names. */
  async feeds(texts: readonly Text[], { sequence }: Batch): Promise<Record<string, HostTensor>> {
    const records = texts.map((text) => this.find(text))
    const missing = texts.filter((_, row) => records[row] === undefined)
    const computed = missing.length === 0 ? [] : await this.compute(missing)
    let next = 0
    const all = records.map((record) => record ?? computed[next++] ?? new Float32Array(0))
    const tokens = texts.map(({ ids }) => ids.length)
    return joinRecords(this.forms, all, tokens, sequence)
  }

  async dispose(): Promise<void> {
    for (const { file } of this.stores.splice(0)) file.close()
    await this.disposeLower()
  }

  private find(text: Text): Float32Array | undefined {
    const key = this.keyOf(text)
    for (const { places, file } of this.stores) {
      const offset = places.get(key)
      if (offset !== undefined) return file.read(offset, recordLength(this.forms, text.ids.length))
    }
    return undefined
  }

  private async computeAll(
    batches: readonly Text[][],
    put: (offset: number, records: Float32Array) => Promise<void>,
    breathe: () => Promise<void>,
  ): Promise<void> {
    let offset = 0
    for (const batch of batches) {
      const records = new Float32Array(this.lengthOf(batch))
      let length = 0
      for (const record of await this.compute(batch)) {
        records.set(record, length)
        length += record.length
      }
      await put(offset, records)
      offset += length
      await breathe()
    }
  }

  private async compute(texts: readonly Text[]): Promise<Float32Array[]> {
    const { engine, weights, padId } = this.options
    this.lower ??= await engine.compile(this.part.lower, weights)
    const collated = collate(texts, padId)
    const outputs = await this.lower.run(
      encoderFeeds(collated),
      this.forms.map(({ name }) => name),
    )
    return texts.map(({ ids }, row) =>
      takeRecord(this.forms, outputs, { row, batch: texts.length, tokens: ids.length }),
    )
  }

  private distinct({ texts }: Examples): Text[] {
    return [...new Map(texts.map((text) => [this.keyOf(text), text])).values()]
  }

  private lengthOf(texts: readonly Text[]): number {
    return texts.reduce((total, { ids }) => total + recordLength(this.forms, ids.length), 0)
  }

  /**
   * Where the states of each text begin, of as many texts, from the first, as have room. They lie in the order in which
   * they are computed: by length, in batches that depend on the texts alone, so that the same numbers come out whoever
   * computes them.
   */
  private layOut(texts: readonly Text[], room: number): Layout {
    let length = 0
    const beyond = texts.findIndex(({ ids }) => (length += recordLength(this.forms, ids.length)) > room)
    const kept = beyond === -1 ? texts : texts.slice(0, beyond)
    const lengths = kept.map(({ ids }) => ids.length)
    const batches = evaluationBatches(lengths, evaluationBatchSize).map((indices) =>
      Array.from(indices, (index) => kept[index]).filter((text) => text !== undefined),
    )
    const places = new Map<string, number>()
    let offset = 0
    for (const text of batches.flat()) {
      places.set(this.keyOf(text), offset)
      offset += recordLength(this.forms, text.ids.length)
    }
    return { places, length: offset, batches }
  }

  /** What the states of these texts depend on. */
  private fileKey(texts: readonly Text[]): string {
    const { engine, backboneHash, weights } = this.options
    const hash = createHash('sha256')
    const { quantised, half } = weights
    const copy = quantised ?? half
    const precision = copy ? [basename(copy.path), half?.compute === true] : ''
    const on = [
      layoutVersion,
      engine.name,
      engine.device,
      engine.version,
      backboneHash,
      precision,
      this.part.signature,
    ]
    hash.update(JSON.stringify(on))
    for (const text of texts) hash.update(this.keyOf(text)).update('\n')
    return hash.digest('hex').slice(0, 32)
  }

  private keyOf(text: Text): string {
    const known = this.keys.get(text)
    if (known !== undefined) return known
    const hash = createHash('sha256')
    for (const { buffer, byteOffset, byteLength } of [text.ids, text.typeIds]) {
      hash.update(new Uint8Array(buffer, byteOffset, byteLength))
    }
    const key = hash.digest('base64').slice(0, 24)
    this.keys.set(text, key)
    return key
  }

  private async disposeLower(): Promise<void> {
    const { lower } = this
    this.lower = undefined
    await lower?.dispose()
  }
}

interface Layout {
  /** Where each text's record begins, by its key. */
  places: ReadonlyMap<string, number>
  /** Numbers of all records. */
  length: number
  batches: Text[][]
}

interface Store {
  path: string
  file: RecordFile
  /** Where each text's record begins. */
  places: ReadonlyMap<string, number>
  length: number
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
