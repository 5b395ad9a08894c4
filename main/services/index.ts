import { existsSync } from 'node:fs'
import { join } from 'node:path'

import {
  endpoints,
  toContractError,
  WorkbenchError,
  type Handlers,
  type OutputOf,
  type SystemInfo,
  type WorkbenchEndpointName,
} from '../../preload/contract.ts'
import { mayHaveGraphicsCard } from '../engines/hardware.ts'
import { asStoreError, openDatabase } from '../store/database.ts'
import { createAdapterConversions } from './adapter-conversions.ts'
import { createAdapterService } from './adapters.ts'
import { createComparisonService } from './comparison.ts'
import { createDatasetService } from './datasets.ts'
import { createDeviceMeasuring } from './device-measuring.ts'
import { createEvents, type Events } from './events.ts'
import { createExperimentService } from './experiments.ts'
import { createRunImporter } from './import-runs.ts'
import { createMethodService } from './methods.ts'
import { createModelService } from './models.ts'
import { createPlayground } from './playground.ts'
import { defaultRunLimits, type RunLimits } from './run-limits.ts'
import { createReportService } from './report.ts'
import { createRunLibrary } from './run-library.ts'
import { createRunService } from './runs.ts'
import { createSettingsService } from './settings.ts'
import { sweepHome } from './sweep.ts'
import { createSystemService } from './system.ts'
import type { SpawnTrainer } from './trainer-process.ts'

export interface WorkbenchOptions {
  /** Absolute path of the home folder. The caller holds its lock. */
  home: string
  host: SystemInfo['host']
  /** Folder of what ships with the program: `samples/` and the starter encoder. */
  assets: string
  spawnTrainer: SpawnTrainer
  /** Whether runs that leave their device to `auto` are worth measuring the devices first; default: a look at the machine. */
  mayHaveGraphicsCard?: () => Promise<boolean>
  limits?: Partial<RunLimits>
}

/** All services of one home folder, the same for every host. */
export interface Workbench {
  readonly subscribe: Events['subscribe']
  readonly onEvent: Events['subscribeAll']
  /** Calls an endpoint with an input that may be anything. Rejects with a WorkbenchError only. */
  invoke<Name extends WorkbenchEndpointName>(name: Name, input: unknown): Promise<OutputOf<Name>>
  invoke(name: string, input: unknown): Promise<unknown>
  /** Sets running runs aside so that they can be resumed, and closes the store. */
  close(): Promise<void>
}

/**
 * Opens the home folder and everything in it. Runs that were running when the last program went away are offered for
 * resuming; queued ones go on, except for a command that runs only for a moment (`cli`).
 * @throws WorkbenchError `storage` when the database cannot be opened or is a newer program's
 */
export async function createWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const { home, host, spawnTrainer } = options
  const file = join(home, 'workbench.sqlite')
  const isNew = !existsSync(file)
  const database = openDatabase(file)
  const events = createEvents()
  const { publish } = events
  const limits = { ...defaultRunLimits, ...options.limits }

  try {
    // Beside a database that is new, folders of runs are what is left of a lost one, and worth more than the space.
    if (!isNew) await sweepHome(database, home)
    const samplesFolder = join(options.assets, 'samples')
    const datasets = createDatasetService({ database, home, samplesFolder, publish })
    const models = await createModelService({ database, assets: options.assets, publish })
    const methods = createMethodService({ database, home })
    const playground = createPlayground({ home, database, spawnTrainer, silence: limits.silence })
    const measuring = createDeviceMeasuring({
      ...{ home, spawnTrainer, publish },
      mayHaveGraphicsCard: options.mayHaveGraphicsCard ?? lookForCard,
    })
    const runs = createRunService({
      home,
      database,
      methods,
      spawnTrainer,
      publish,
      continueQueue: host !== 'cli',
      beforeRun: measuring.beforeRun,
      limits,
    })
    const experiments = createExperimentService({
      database,
      home,
      methods,
      runs,
      events,
      continueQueue: host !== 'cli',
    })
    const comparison = createComparisonService({ database, home })
    const handlers: Handlers = {
      ...createSystemService({ home, host, measuring }),
      ...createSettingsService({ database, publish }),
      ...models,
      ...datasets,
      ...methods,
      ...createAdapterService({ database, home, publish }),
      ...createAdapterConversions({
        ...{ database, home, publish, spawnTrainer },
        silence: limits.silence,
      }),
      ...runs.handlers,
      ...experiments.handlers,
      ...comparison.handlers,
      ...createReportService({ database, home, compare: comparison.handlers['comparison.get'] }),
      ...createRunLibrary({ database, home, publish }),
      ...createRunImporter({ database, home, publish }),
      ...playground.handlers,
    }
    let closing: Promise<void> | undefined
    return {
      subscribe: events.subscribe,
      onEvent: events.subscribeAll,
      invoke: (name: string, input: unknown) =>
        closing === undefined ? invoke(handlers, name, input) : Promise.reject(closed()),
      close() {
        experiments.close()
        closing ??= Promise.all([
          playground.close(),
          // Asked before the measurement ends, a run that waits for it stays in the queue.
          runs.close(),
          measuring.close(),
        ]).then(() => void database.close())
        return closing
      },
    }
  } catch (error) {
    database.close()
    throw error
  }
}

/** `WORKBENCH_MEASURE=0`: no run measures the devices by itself. */
async function lookForCard(): Promise<boolean> {
  return process.env['WORKBENCH_MEASURE'] !== '0' && (await mayHaveGraphicsCard())
}

async function invoke(handlers: Handlers, name: string, input: unknown): Promise<never> {
  try {
    if (!Object.hasOwn(handlers, name)) throw unknownEndpoint(name)
    const endpoint = name as WorkbenchEndpointName
    const parsed = endpoints[endpoint].input.parse(input)
    return (await (handlers[endpoint] as (input: unknown) => unknown)(parsed)) as never
  } catch (error) {
    throw asWorkbenchError(asStoreError(error))
  }
}

function unknownEndpoint(name: string): WorkbenchError {
  return Object.hasOwn(endpoints, name)
    ? new WorkbenchError('unsupported', `${name} is answered by the desktop program’s window only.`)
    : new WorkbenchError('bad-input', `There is no endpoint “${name}”.`)
}

function asWorkbenchError(error: unknown): WorkbenchError {
  if (error instanceof WorkbenchError) return error
  const { code, message, detail } = toContractError(error)
  return new WorkbenchError(code, message, { cause: error, ...(detail === undefined ? {} : { detail }) })
}

function closed(): WorkbenchError {
  return new WorkbenchError('unavailable', 'The workbench is closing. Ask again when it is back.')
}
