import { readFile } from 'node:fs/promises'

import { WorkbenchError, type Forgetting } from '../../preload/contract.ts'
import { collate, evaluationBatches } from '../data/batches.ts'
import { createRandom } from '../data/random.ts'
import type { Tokenizer } from '../data/tokenizer.ts'
import type { CompiledGraph, Engine, WeightFile } from '../engines/engine.ts'
import { Graph, reshape, slice } from '../graph/index.ts'
import { architectureOf, encoderInputs } from '../models/architecture.ts'
import { chosenStates, languageModelHead, type LanguageModelHead } from '../models/language-model.ts'
import { plainBuild } from '../models/plain-build.ts'
import { tensorOf, type Backbone } from '../models/weights.ts'
import type { TrainedValues } from './checkpoint.ts'
import { encoderFeeds } from './feeds.ts'
import { layOut, partOf, type ParameterLayout } from './layout.ts'
import type { RunContext } from './run-context.ts'

/** Share of a text's tokens that are masked, at least one of them. */
const maskedShare = 0.15
/** Tokens that a text is cut to. */
const longest = 128
/** Scores of the whole vocabulary are held for every position asked for, so batches are small. */
const batchSize = 16
/** One seed for all runs, so that they are asked for the same tokens. */
const seed = 1

export interface ForgettingOptions {
  engine: Engine
  backbone: Backbone
  /** The backbone's frozen weights. */
  weights: WeightFile
  tokenizer: Tokenizer
  /** Held-out text, one example each. */
  texts: readonly string[]
  /** The backbone's tensors as the run leaves them, by name: those that it trained. */
  trained: ReadonlyMap<string, Float32Array>
  /** Called after each batch; may throw to end it. */
  onBatch?: () => Promise<void>
}

/**
 * Forgetting in a run whose job names held-out text, by the backbone's tensors that it trained. Where the engine cannot
 * measure it, the run says so and loses nothing else.
 */
export async function forgettingOf(
  { job, prepared, breathe, log }: RunContext,
  { parameters }: TrainedValues,
): Promise<Forgetting | undefined> {
  if (job.heldOutFile === undefined) return undefined
  const { entries } = prepared.model.layout
  const trained = [...entries.values()].filter(({ name }) => prepared.backbone.tensors.has(name))
  try {
    return await measureForgetting({
      ...prepared,
      texts: await readHeldOutTexts(job.heldOutFile),
      trained: new Map(trained.map((entry) => [entry.name, partOf(parameters, entry)])),
      onBatch: () => breathe('testing'),
    })
  } catch (error) {
    if (!(error instanceof WorkbenchError) || error.code === 'internal') throw error
    log(`Forgetting could not be measured: ${error.message}`, 'warning')
    return undefined
  }
}

/**
 * How much of the backbone's own ability is left: its language-model loss on held-out text before and after the run,
 * without adapters. A masked language model is asked for 15 % of the tokens, drawn once for all runs, each of them
 * replaced by the mask token; a causal one for the next token everywhere. Where nothing of the backbone was trained,
 * both are the same number.
 *
 * @returns undefined where the checkpoint has no language-model head, or its tokenizer no mask token
 */
export async function measureForgetting(options: ForgettingOptions): Promise<Forgetting | undefined> {
  const { backbone, tokenizer, trained } = options
  const head = languageModelHead(backbone)
  if (!head) return undefined
  const maximumLength = Math.min(longest, architectureOf(backbone.config).maximumLength(backbone.config))
  const questions = ask(head.kind, tokenizer, options.texts, maximumLength)
  const tokens = questions?.reduce((total, { targets }) => total + targets.length, 0) ?? 0
  if (!questions || tokens === 0) return undefined

  const layout = layOut(
    [...trained.keys()].map((name) => ({
      name,
      shape: tensorOf(backbone, name).shape,
      group: 'backbone',
      initialization: { kind: 'pretrained' },
    })),
  )
  const compiled = await compileLoss(options, head, layout)
  try {
    const loss = async (read: (name: string) => Promise<Float32Array> | Float32Array): Promise<number> => {
      if (layout.size > 0) {
        const vector = new Float32Array(layout.size)
        for (const { name, offset } of layout.entries.values()) vector.set(await read(name), offset)
        compiled.setState('parameters', vector)
      }
      return (await totalLoss(compiled, questions, tokenizer.padTokenId, options.onBatch)) / tokens
    }
    const before = await loss((name) => tensorOf(backbone, name).read())
    const after = layout.size === 0 ? before : await loss((name) => trained.get(name) ?? new Float32Array())
    return { before, after, tokens }
  } finally {
    await compiled.dispose()
  }
}

/**
 * The texts of a file, one in each line.
 *
 * @throws WorkbenchError `not-found` naming the file
 */
export async function readHeldOutTexts(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/).filter((line) => line.trim() !== '')
  } catch (cause) {
    throw new WorkbenchError('not-found', `${file} cannot be read; install the program again`, { cause })
  }
}

/** A text, positions in it, and the token that is right at each of them. */
interface Question {
  ids: Int32Array
  positions: readonly number[]
  targets: readonly number[]
}

/** @returns undefined where tokens cannot be masked */
function ask(
  kind: LanguageModelHead['kind'],
  tokenizer: Tokenizer,
  texts: readonly string[],
  maximumLength: number,
): Question[] | undefined {
  const encode = (text: string): Int32Array =>
    Int32Array.from(tokenizer.encode(text, undefined, maximumLength).ids)
  const special = new Set(encode(''))
  if (kind === 'causal') return texts.map((text) => askForNext(encode(text)))
  const mask = ['[MASK]', '<mask>'].find((token) => tokenizer.tokens(token).join() === token)
  const maskId = mask === undefined ? undefined : encode(mask).find((id) => !special.has(id))
  if (maskId === undefined) return undefined
  return texts.map((text, index) => askForMasked(encode(text), special, maskId, index))
}

function askForNext(ids: Int32Array): Question {
  const targets = [...ids.subarray(1)]
  return { ids, positions: targets.map((_, position) => position), targets }
}

function askForMasked(
  ids: Int32Array,
  special: ReadonlySet<number>,
  maskId: number,
  index: number,
): Question {
  const maskable = [...ids.keys()].filter((position) => !special.has(ids[position] ?? 0))
  const count = Math.min(maskable.length, Math.max(1, Math.round(maskable.length * maskedShare)))
  const order = createRandom(seed, 'forgetting', index).permutation(maskable.length)
  const positions = Array.from(order.subarray(0, count), (place) => maskable[place] ?? 0)
  const masked = Int32Array.from(ids)
  for (const position of positions) masked[position] = maskId
  return { ids: masked, positions, targets: positions.map((position) => ids[position] ?? 0) }
}

/** The backbone with its own head, and each asked position's cross-entropy: the output `loss [rows]`. */
async function compileLoss(
  { engine, backbone, weights }: Pick<ForgettingOptions, 'engine' | 'backbone' | 'weights'>,
  head: LanguageModelHead,
  layout: ParameterLayout,
): Promise<CompiledGraph> {
  const graph = new Graph()
  const inputs = encoderInputs(graph)
  const trained = layout.size > 0 ? graph.input('parameters', 'float32', [layout.size]) : undefined
  const own = new Map<string, Float32Array>()
  for (const [name, tensor] of head.tensors) own.set(name, await tensor.read())
  const build = plainBuild(graph, inputs.mask, (name, shape) => {
    const entry = layout.entries.get(name)
    if (entry && trained) return reshape(slice(trained, 0, entry.offset, entry.offset + entry.size), shape)
    const values = own.get(name)
    return values ? graph.constant(values, shape) : graph.weight(name, shape)
  })
  const last = architectureOf(backbone.config).encode(build, backbone.config, inputs).at(-1)
  if (!last) throw new Error('a backbone without layers')
  const rows = graph.input('rows', 'int32', ['rows'])
  const targets = graph.input('tokens', 'int32', ['rows'])
  graph.output('loss', head.loss(build, chosenStates(last, rows), targets))
  const state = trained ? { parameters: undefined } : {}
  return engine.compile(graph, { weights, state, prepack: false })
}

/** The sum of the cross-entropies of all asked positions. */
async function totalLoss(
  compiled: CompiledGraph,
  questions: readonly Question[],
  padId: number,
  onBatch?: () => Promise<void>,
): Promise<number> {
  let total = 0
  const lengths = questions.map(({ ids }) => ids.length)
  for (const indices of evaluationBatches(lengths, batchSize)) {
    const batch = Array.from(indices, (index) => questions[index]).filter((found) => found !== undefined)
    const collated = collate(
      batch.map(({ ids }) => ({ ids, typeIds: new Int32Array(ids.length) })),
      padId,
    )
    const rows = batch.flatMap(({ positions }, row) => positions.map((at) => at * batch.length + row))
    const targets = batch.flatMap((question) => question.targets)
    if (rows.length === 0) continue
    const { loss } = await compiled.run(
      {
        ...encoderFeeds(collated),
        rows: { data: Int32Array.from(rows), shape: [rows.length] },
        tokens: { data: Int32Array.from(targets), shape: [rows.length] },
      },
      ['loss'],
    )
    for (const value of loss?.data ?? []) total += Number(value)
    await onBatch?.()
  }
  return total
}
