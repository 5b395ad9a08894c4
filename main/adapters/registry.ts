import { WorkbenchError, type MethodDescription } from '../../preload/contract.ts'
import { fullFineTuning, headOnly } from './baselines.ts'
import { doubleSequentialBottleneck, parallelBottleneck, sequentialBottleneck } from './bottleneck.ts'
import { averageOutputs, averageParameters } from './average.ts'
import { fusion, meanFusion, staticFusion, weightedFusion } from './fusion.ts'
import type { Method } from './method.ts'
import { parallel } from './parallel.ts'
import { stack } from './stack.ts'

/** Every method there is. Adding one touches its own file and this list. */
const methods: readonly Method[] = [
  sequentialBottleneck,
  doubleSequentialBottleneck,
  parallelBottleneck,
  stack,
  averageOutputs,
  averageParameters,
  parallel,
  fusion,
  staticFusion,
  meanFusion,
  weightedFusion,
  headOnly,
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
  return methods.map(({ name, label, family, summary, source, learningRate, takes, manyTasks, fields }) => ({
    name,
    label,
    family,
    summary,
    source,
    learningRate,
    takes,
    manyTasks,
    fields: fields(),
  }))
}
