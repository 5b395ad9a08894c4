import type { SequenceFigures } from '../../preload/contract.ts'

/** Scores on tasks that were trained one after the other. */
export interface SequenceScores {
  /** Number of stages so far. */
  stages: number
  /** Index of the stage that trained each task. */
  trainedAt: readonly number[]
  /** The score on a task after a stage, from its own on; undefined where it is not known. */
  score(stage: number, task: number): number | undefined
}

/**
 * Average score, average forgetting (Chaudhry et al. 2018, "Riemannian Walk for Incremental Learning") and backward
 * transfer (Lopez-Paz and Ranzato 2017, "Gradient Episodic Memory") after the last stage. Chaudhry's maximum goes over
 * all earlier stages; here a task has a head, and so a score, from its own stage on.
 */
export function sequenceFigures({ stages, trainedAt, score }: SequenceScores): SequenceFigures {
  const last = stages - 1
  const lastScores = trainedAt.map((_, task) => score(last, task))
  const earlier = trainedAt.flatMap((trained, task) => (trained < last ? [{ trained, task }] : []))
  const forgotten = earlier.map(({ trained, task }) => {
    const before = Array.from({ length: last - trained }, (_, after) => score(trained + after, task))
    return minus(most(before), lastScores[task])
  })
  const gained = earlier.map(({ trained, task }) => minus(lastScores[task], score(trained, task)))
  return {
    ...named('averageScore', lastScores),
    ...named('forgetting', forgotten),
    ...named('backwardTransfer', gained),
  }
}

type Known = number | undefined

function most(values: readonly Known[]): Known {
  const known = allKnown(values)
  return known && Math.max(...known)
}

function minus(a: Known, b: Known): Known {
  return a === undefined || b === undefined ? undefined : a - b
}

/** The mean under a name; nothing where there is no value, or one is not known. */
function named<Name extends string>(name: Name, values: readonly Known[]): { [Key in Name]?: number } {
  const known = allKnown(values)
  if (!known || known.length === 0) return {}
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length
  return { [name]: mean } as { [Key in Name]: number }
}

function allKnown(values: readonly Known[]): number[] | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === values.length ? known : undefined
}
