import { WorkbenchError, type MethodDescription } from '../../preload/contract.ts'
import { fullFineTuning, headOnly } from './baselines.ts'
import { bottlenecks } from './bottleneck.ts'
import { bitfit } from './bitfit.ts'
import { averageOutputs, averageParameters } from './average.ts'
import { adapterDrop, robustAdapterDrop } from './drop.ts'
import { fusion, meanFusion, staticFusion, weightedFusion } from './fusion.ts'
import { loras } from './lora.ts'
import { masked } from './masked.ts'
import type { Method } from './method.ts'
import { mixAndMatch, mixAndMatchGeneration } from './mix-and-match.ts'
import { compose } from './nested.ts'
import { parallel } from './parallel.ts'
import { prefixes } from './prefix.ts'
import { stack } from './stack.ts'
import { taskDrop } from './task-drop.ts'
import { union, unipelt } from './union.ts'

/** Every method there is. Adding one touches its own file and this list. */
const methods: readonly Method[] = [
  ...bottlenecks,
  stack,
  averageOutputs,
  averageParameters,
  compose,
  parallel,
  fusion,
  staticFusion,
  meanFusion,
  weightedFusion,
  adapterDrop,
  robustAdapterDrop,
  taskDrop,
  mixAndMatch,
  mixAndMatchGeneration,
  masked,
  headOnly,
  ...loras,
  ...prefixes,
  unipelt,
  union,
  bitfit,
  fullFineTuning,
]

/** @throws WorkbenchError `not-found`, naming those there are */
export function findMethod(name: string): Method {
  const method = methods.find((candidate) => candidate.name === name)
  if (!method) {
    const known = methods.map((candidate) => candidate.name).join(', ')
    throw new WorkbenchError('not-found', `there is no method "${name}"; known are ${known}`)
  }
  return method
}

/** What a form needs to offer the methods. */
export function describeMethods(): MethodDescription[] {
  return methods.map(
    ({ name, label, family, summary, source, learningRate, takes, manyTasks, block, fields }) => ({
      name,
      label,
      family,
      summary,
      source,
      learningRate,
      takes,
      manyTasks,
      ...(block ? { block } : {}),
      fields: fields(),
    }),
  )
}
