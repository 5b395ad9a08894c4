import { z } from 'zod'

import { blockBottleneckOptions } from './bottleneck-options.ts'
import { defineMethod, type StepDraw } from './method.ts'
import { flag } from './options.ts'
import { mixtureSites, prepareMixture } from './task-mixture.ts'

/** The input that says which task adapters each example of a batch keeps. */
const survivorsName = 'taskDrop:survivors'

/**
 * Task adapters that are dropped at random, per example and adapter, in all layers at once. The output of a site is
 * the mean of the survivors' outputs, weighted by one learned gate per layer and task (a softmax over the survivors;
 * the gates begin equal, so training begins with the plain mean), and that of the backbone alone where none survives.
 * Gates learn through that mean; at inference they also say which adapters matter most. Without gates it is the plain
 * mean throughout.
 */
export const taskDrop = defineMethod({
  name: 'task_drop',
  label: 'AdapterDrop (per task and example)',
  family: 'drop',
  summary:
    'Every task has adapters, and all of them see every text; in training each is dropped at random for each text, so that any selection of them works afterwards.',
  source: 'per-task, per-sample adapter drop; after Rücklé et al. 2021, "AdapterDrop"',
  learningRate: 1e-3,
  takes: 'perTask',
  manyTasks: true,
  options: z
    .object({
      drop_probability: z.number().min(0).max(1).default(0.3).meta({
        title: 'Drop probability',
        description:
          'How often a task’s adapters are left out for a text while training, in all layers at once.',
      }),
      gated: flag(
        true,
        'Learned gates',
        'Learn in each layer how much each task’s adapter counts; off: all count the same, and none can be called strongest.',
      ),
      ...blockBottleneckOptions.shape,
    })
    .strict(),
  prepare({ drop_probability: probability, gated, ...bottleneck }, context) {
    const { config, tasks } = context
    const { adapters, gates, method } = prepareMixture(bottleneck, context, gated)
    return {
      ...method,
      sites: (build, { variant }) =>
        mixtureSites(
          build,
          {
            config,
            adapters,
            gates,
            survivors:
              build.training && probability > 0
                ? ({ given }) => given(survivorsName, ['batch', tasks.length])
                : undefined,
          },
          variant,
        ),
      ...(probability > 0
        ? {
            draw: (uniform, batch) =>
              dropAtRandom(
                uniform('taskDrop', batch * tasks.length),
                tasks.length,
                probability,
                config.layers,
              ),
          }
        : {}),
    }
  },
})

/**
 * One draw for each example and task adapter. An adapter that no example of the batch keeps is left out of the graph.
 *
 * @param numbers in [0, 1), `[batch, tasks]`
 */
export function dropAtRandom(
  numbers: Float32Array,
  tasks: number,
  probability: number,
  layers: number,
): StepDraw {
  const data = numbers.map((number) => (number < probability ? 0 : 1))
  const kept = Array.from({ length: tasks }, (_, task) => task).filter((task) =>
    data.some((value, i) => value === 1 && i % tasks === task),
  )
  return {
    variant: kept.length === tasks ? {} : { active: Array.from({ length: layers }, () => kept) },
    feeds: { [survivorsName]: { data, shape: [data.length / tasks, tasks] } },
  }
}
