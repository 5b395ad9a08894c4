import { modelsAndDatasets } from './001-models-datasets.ts'
import { runs } from './002-runs.ts'
import { adapters } from './003-adapters.ts'
import { experiments } from './004-experiments.ts'
import { earlierTasks } from './005-earlier-tasks.ts'

/**
 * The SQL of each version of the store, in order: entry 0 takes an empty database to version 1, and so on.
 * A released entry never changes; a change of the store is a new entry.
 */
export const migrations: readonly string[] = [modelsAndDatasets, runs, adapters, experiments, earlierTasks]
