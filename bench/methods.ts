/**
 * What methods save, each against the same program without the saving: a training step by the number of layers that
 * robust AdapterDrop leaves out, several tasks read from one pass with shared lower layers, and a step of per-task drop
 * by its probability. All graphs are those of a run.
 */
import { collate } from '../main/data/batches.ts'
import { createRandom } from '../main/data/random.ts'
import type { CompiledGraph, Engine, HostTensor, WeightFile } from '../main/engines/engine.ts'
import type { Situation, StepDraw } from '../main/adapters/method.ts'
import { encoderFeeds, targetFeeds } from '../main/training/feeds.ts'
import { evaluationGraph, trainingGraph } from '../main/training/graphs.ts'
import { mean } from './results/statistics.ts'
import { countOperations, nodesFor, type Graph } from '../main/graph/index.ts'
import { median } from '../main/training/metrics.ts'
import { ownStepFeeds } from '../main/training/optimizer.ts'
import { randomParameters, weightFile, workload, type SizeName, type Workload } from './sizes.ts'
import { takeTurns, warnIfRestless, type Timed } from './turns.ts'

export interface MethodBenchOptions {
  engine: Engine
  /** Where weight files are kept. */
  cache: string
  length: number
  rounds: number
}

/** One line of a table: what was measured at which setting, and how many times as fast as the first setting it is. */
export interface SavingRow {
  kind: 'drop' | 'shared' | 'task-drop'
  size: SizeName
  batch: number
  length: number
  setting: string
  ms: number
  /** Milliseconds of what it is held against. */
  againstMs: number
  /** againstMs / ms */
  ratio: number
  /** The same ratio of the floating-point operations in the graphs, which is what a quiet machine should come near. */
  counted: number
}

/** Something timed, with the operations that one run of it takes. */
interface Side extends Timed {
  operations: number
  dispose(): Promise<void>
}

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 }
/** Runs of one turn. */
const turn: Record<SizeName, number> = { tiny: 8, mini: 4, small: 2, base: 1 }
const dropProbabilities = [0, 0.1, 0.3, 0.5, 0.7, 0.9]
const taskCount = 3

/** A training step with the adapters of the first n layers left out, against n = 0. */
export async function benchRobustDrop(size: SizeName, options: MethodBenchOptions): Promise<SavingRow[]> {
  const work = workload(size, options.length, { method: 'adapter_drop_robust' })
  const weights = await weightsOf(size, options)
  const ns = Array.from({ length: work.config.layers + 1 }, (_, n) => n)
  const sides: Side[] = []
  for (const n of ns) {
    const situation = { task: 0, variant: n === 0 ? {} : { droppedLayers: n } }
    sides.push(await trainingSide(`n = ${n}`, work, situation, weights, options.engine))
  }
  return rowsOf('drop', work, sides, 'n = 0', options)
}

/** The logits of several tasks from one batch: one pass that shares the lower layers, against a pass for each task. */
export async function benchSharedLayers(size: SizeName, options: MethodBenchOptions): Promise<SavingRow[]> {
  const work = workload(size, options.length, { method: 'parallel', tasks: taskCount })
  const weights = await weightsOf(size, options)
  const { layers } = work.config
  const rows: SavingRow[] = []
  for (let n = 0; n <= layers; n++) {
    const readings = Array.from({ length: taskCount }, (_, task) => ({
      task,
      variant: n === 0 ? {} : { droppedLayers: n },
    }))
    const together = await evaluationSide(
      `${taskCount} tasks, n = ${n}`,
      work,
      [readings],
      weights,
      options.engine,
    )
    const apart = await evaluationSide(
      'apart',
      work,
      readings.map((reading) => [reading]),
      weights,
      options.engine,
    )
    const measured = await rowsOf('shared', work, [together, apart], 'apart', options)
    rows.push(...measured.filter(({ setting }) => setting !== 'apart'))
  }
  return rows
}

/**
 * The mean training step of per-task drop by its probability, against p = 0, for a batch of one, four and all rows.
 * A step is timed with each selection of adapters that some probability draws, and a probability's mean weighs these
 * times by how often it draws them: timing every drawn step would measure the machine's weather as well.
 */
export async function benchTaskDrop(size: SizeName, options: MethodBenchOptions): Promise<SavingRow[]> {
  const weights = await weightsOf(size, options)
  const rows: SavingRow[] = []
  for (const batch of [1, 4, workload(size, options.length).batch]) {
    const works = dropProbabilities.map((probability) =>
      workload(size, options.length, {
        method: 'task_drop',
        options: { drop_probability: probability },
        tasks: taskCount,
        batch,
      }),
    )
    const draws = works.map((work) => drawSteps(work))
    const sides = new Map<string, Side>()
    for (const [i, work] of works.entries()) {
      for (const draw of draws[i] ?? []) {
        const name = selectionOf(draw)
        if (sides.has(name)) continue
        const situation = { task: 0, variant: draw.variant }
        sides.set(name, await trainingSide(name, work, situation, weights, options.engine, draw.feeds))
      }
    }
    try {
      const { rounds, length } = options
      const times = await takeTurns([...sides.values()], { rounds, turn: turn[size] })
      const means = draws.map((drawn) =>
        mean(drawn.map((draw) => median(times.get(selectionOf(draw)) ?? []))),
      )
      const counts = draws.map((drawn) =>
        mean(drawn.map((draw) => sides.get(selectionOf(draw))?.operations ?? Number.NaN)),
      )
      const againstMs = means[0] ?? Number.NaN
      for (const [i, ms] of means.entries()) {
        const setting = `p = ${dropProbabilities[i]}`
        const counted = (counts[0] ?? Number.NaN) / (counts[i] ?? Number.NaN)
        const ratio = againstMs / ms
        rows.push({ kind: 'task-drop', size, batch, length, setting, ms, againstMs, ratio, counted })
      }
    } finally {
      for (const side of sides.values()) await side.dispose()
    }
  }
  return rows
}

/** Steps whose choices are drawn for the mean. */
const drawnSteps = 500

function drawSteps({ model, batch }: Workload): StepDraw[] {
  return Array.from({ length: drawnSteps }, (_, step): StepDraw => {
    const uniform = (purpose: string, count: number): Float32Array => {
      const numbers = new Float32Array(count)
      createRandom(1, purpose, step).fillUniform(numbers)
      return numbers
    }
    return model.method.draw?.(uniform, batch) ?? { variant: {} }
  })
}

/** A name for the graph of a step: which adapters are in it, and whether it asks which survive. */
function selectionOf({ variant, feeds }: StepDraw): string {
  return JSON.stringify([variant, feeds !== undefined])
}

async function rowsOf(
  kind: SavingRow['kind'],
  { size, batch, length }: Workload,
  sides: readonly Side[],
  against: string,
  { rounds }: MethodBenchOptions,
): Promise<SavingRow[]> {
  try {
    const times = await takeTurns(sides, { rounds, turn: turn[size] })
    for (const [name, ms] of times) warnIfRestless(name, ms)
    const againstMs = median(times.get(against) ?? [])
    const most = sides.find(({ name }) => name === against)?.operations ?? Number.NaN
    return sides.map(({ name, operations }) => {
      const ms = median(times.get(name) ?? [])
      const counted = most / operations
      return { kind, size, batch, length, setting: name, ms, againstMs, ratio: againstMs / ms, counted }
    })
  } finally {
    for (const side of sides) await side.dispose()
  }
}

/** The backbone's weights alone matter here, and they are those of the other benchmarks. */
function weightsOf(size: SizeName, { cache, length }: MethodBenchOptions): Promise<WeightFile> {
  return weightFile(workload(size, length), cache)
}

async function trainingSide(
  name: string,
  { model, ids, labels, batch }: Workload,
  situation: Situation,
  weights: WeightFile,
  engine: Engine,
  drawn: StepDraw['feeds'] = {},
): Promise<Side> {
  const tuned = trainingGraph(model, optimizer, { readings: [situation], ownSteps: true })
  const operations = operationsOf(tuned.graph, batch, ids)
  const compiled = await engine.compile(tuned.graph, { weights, state: tuned.state })
  start(compiled, model)
  const feeds = { ...inputFeeds(ids), ...targetFeeds(labels, 2, batch), ...drawn }
  return {
    name,
    operations,
    async run(step) {
      const counts = Array.from(model.layout.entries.keys(), () => step + 1)
      const own = ownStepFeeds(model.layout, counts, 1e-3, 0.01, optimizer)
      await compiled.run({ ...feeds, ...own }, ['loss'])
    },
    dispose: () => compiled.dispose(),
  }
}

/** @param passes readings of each pass; a run is all passes, one after the other */
async function evaluationSide(
  name: string,
  { model, ids, labels, batch }: Workload,
  passes: readonly (readonly Situation[])[],
  weights: WeightFile,
  engine: Engine,
): Promise<Side> {
  const graphs: { compiled: CompiledGraph; feeds: Record<string, HostTensor>; outputs: string[] }[] = []
  let operations = 0
  for (const readings of passes) {
    const tuned = evaluationGraph(model, { readings })
    operations += operationsOf(tuned.graph, batch, ids)
    const compiled = await engine.compile(tuned.graph, { weights, state: tuned.state })
    compiled.setState('parameters', randomParameters(model))
    const targets = readings.map((_, reading) => targetFeeds(labels, 2, batch, reading))
    graphs.push({
      compiled,
      feeds: Object.assign(inputFeeds(ids), ...targets),
      outputs: readings.map((_, reading) => (reading === 0 ? 'logits' : `logits.${reading}`)),
    })
  }
  return {
    name,
    operations,
    async run() {
      for (const { compiled, feeds, outputs } of graphs) await compiled.run(feeds, outputs)
    },
    async dispose() {
      for (const { compiled } of graphs) await compiled.dispose()
    },
  }
}

function operationsOf(graph: Graph, batch: number, [first = []]: readonly number[][]): number {
  const live = nodesFor(graph, graph.outputs.values())
  return countOperations(live, { batch, sequence: first.length })
}

function start(compiled: CompiledGraph, model: Workload['model']): void {
  compiled.setState('parameters', randomParameters(model))
  compiled.setState('moment1', new Float32Array(model.layout.size))
  compiled.setState('moment2', new Float32Array(model.layout.size))
}

function inputFeeds(ids: readonly number[][]): Record<string, HostTensor> {
  return encoderFeeds(
    collate(
      ids.map((row) => ({ ids: row, typeIds: row.map(() => 0) })),
      0,
    ),
  )
}

export function printSavings(rows: readonly SavingRow[]): void {
  const titles: Record<SavingRow['kind'], string> = {
    drop: 'Training step of robust AdapterDrop; ratio to n = 0',
    shared: `Inference of ${taskCount} tasks in one pass; ratio to ${taskCount} separate passes with the same n`,
    'task-drop': `Training step of per-task drop with ${taskCount} tasks, mean over drawn steps; ratio to p = 0`,
  }
  for (const [kind, title] of Object.entries(titles)) {
    const own = rows.filter((row) => row.kind === kind)
    if (own.length === 0) continue
    console.log(`\n${title}\n`)
    console.log(
      '| size | batch | length | setting | ms | against ms | ratio | by operations |\n|---|---|---|---|---|---|---|---|',
    )
    for (const { size, batch, length, setting, ms, againstMs, ratio, counted } of own) {
      console.log(
        `| ${size} | ${batch} | ${length} | ${setting} | ${ms.toFixed(1)} | ${againstMs.toFixed(1)} | ${ratio.toFixed(2)} | ${counted.toFixed(2)} |`,
      )
    }
  }
}
