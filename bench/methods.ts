/**
 * What methods save, each against the same program without the saving: a training step by the number of layers that
 * robust AdapterDrop leaves out, several tasks read from one pass with shared lower layers, and a step of per-task drop
 * by its probability. All graphs are those of a run.
 */
import type { StepDraw } from '../main/adapters/method.ts'
import { createRandom } from '../main/data/random.ts'
import { median } from '../main/training/metrics.ts'
import { openGraph } from './graphs.ts'
import { mean } from './results/statistics.ts'
import { measureSides, sideOf, turnOf, type SavingOptions, type SavingRow, type Side } from './savings.ts'
import { weightFiles, workload, type SizeName, type Workload } from './sizes.ts'
import { takeTurns } from './turns.ts'

const dropProbabilities = [0, 0.1, 0.3, 0.5, 0.7, 0.9]
const taskCount = 3

/** A training step with the adapters of the first n layers left out, against n = 0. */
export async function benchRobustDrop(size: SizeName, options: SavingOptions): Promise<SavingRow[]> {
  const { engine, cache, length } = options
  const work = workload({ size, length, method: 'adapter_drop_robust' })
  const files = await weightFiles({ size }, cache)
  const sides: Side[] = []
  for (let n = 0; n <= work.config.layers; n++) {
    const readings = [{ task: 0, variant: n === 0 ? {} : { droppedLayers: n } }]
    sides.push(sideOf(`n = ${n}`, [await openGraph('train', work, engine, files, { readings })]))
  }
  return measureSides('drop', work, sides, 'n = 0', options)
}

/** The logits of several tasks from one batch: one pass that shares the lower layers, against a pass for each task. */
export async function benchSharedLayers(size: SizeName, options: SavingOptions): Promise<SavingRow[]> {
  const { engine, cache, length } = options
  const work = workload({ size, length, method: 'parallel', tasks: taskCount })
  const files = await weightFiles({ size }, cache)
  const rows: SavingRow[] = []
  for (let n = 0; n <= work.config.layers; n++) {
    const readings = Array.from({ length: taskCount }, (_, task) => ({
      task,
      variant: n === 0 ? {} : { droppedLayers: n },
    }))
    const passes = []
    for (const reading of readings) {
      passes.push(await openGraph('infer', work, engine, files, { readings: [reading] }))
    }
    const together = await openGraph('infer', work, engine, files, { readings })
    const sides = [sideOf(`${taskCount} tasks, n = ${n}`, [together]), sideOf('apart', passes)]
    const measured = await measureSides('shared', work, sides, 'apart', options)
    rows.push(...measured.filter(({ setting }) => setting !== 'apart'))
  }
  return rows
}

/**
 * The mean training step of per-task drop by its probability, against p = 0, for a batch of one, four and all rows.
 * A step is timed with each selection of adapters that some probability draws, and a probability's mean weighs these
 * times by how often it draws them: timing every drawn step would measure the machine's weather as well.
 */
export async function benchTaskDrop(size: SizeName, options: SavingOptions): Promise<SavingRow[]> {
  const { engine, cache, length, rounds } = options
  const files = await weightFiles({ size }, cache)
  const rows: SavingRow[] = []
  for (const batch of [1, 4, workload({ size, length }).batch]) {
    const works = dropProbabilities.map((probability) =>
      workload({
        ...{ size, length, batch },
        method: 'task_drop',
        options: { drop_probability: probability },
        tasks: taskCount,
      }),
    )
    const draws = works.map((work) => drawSteps(work))
    const sides = new Map<string, Side>()
    for (const [i, work] of works.entries()) {
      for (const draw of draws[i] ?? []) {
        const name = selectionOf(draw)
        if (sides.has(name)) continue
        const readings = [{ task: 0, variant: draw.variant }]
        const graph = await openGraph('train', work, engine, files, { readings, drawn: draw.feeds })
        sides.set(name, sideOf(name, [graph]))
      }
    }
    try {
      const measured = await takeTurns([...sides.values()], { rounds, turn: turnOf(size) })
      const means = draws.map((drawn) =>
        mean(drawn.map((draw) => median(measured.get(selectionOf(draw)) ?? []))),
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
