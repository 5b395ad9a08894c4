import { beginningWith } from './beginning-with.ts'
import { blockBottleneckOptions } from './bottleneck-options.ts'
import { prepareBottleneck } from './bottleneck.ts'
import { composedMethod } from './compose.ts'
import { defineMethod, partsOf } from './method.ts'
import { leftByTasks, taskAdapterNames } from './task-mixture.ts'

/** One adapter and one head for each of several tasks, on one frozen backbone (Rücklé et al. 2021). */
export const parallel = defineMethod({
  name: 'parallel',
  label: 'Parallel (an adapter per task)',
  family: 'adapter',
  summary:
    'Several tasks trained together, each with adapters and a head of its own on the same frozen backbone, which reads a text once for all of them.',
  source: 'Rücklé et al. 2021, "AdapterDrop" (multi-task inference); Parallel in the adapters library',
  learningRate: 1e-3,
  takes: 'perTask',
  manyTasks: true,
  block: { kind: 'parallel' },
  options: blockBottleneckOptions,
  prepare(options, { config, adapterName, tasks, adapters: stored }) {
    const adapters = taskAdapterNames(adapterName, tasks).map((name, task) => ({
      name,
      method: beginningWith(stored[task], options, name, prepareBottleneck(options, config, name)),
    }))
    return {
      ...composedMethod(
        { kind: 'parallel', children: adapters.map(({ name }) => name) },
        adapters.flatMap(({ method }) => method.parameters),
        { adapters: partsOf(adapters) },
      ),
      leaves: leftByTasks(adapterName, tasks, options),
    }
  },
})
