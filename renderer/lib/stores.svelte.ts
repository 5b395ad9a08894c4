/** What every screen shares: fetched once, kept up to date by topics, fetched again after a lost connection. */
import { SvelteMap } from 'svelte/reactivity'

import type {
  AdapterSummary,
  DatasetSummary,
  DeviceProgress,
  DeviceReport,
  ExperimentSummary,
  MethodDescription,
  ModelSummary,
  ProgramSettings,
  RunSummary,
  SystemInfo,
} from '../../preload/contract.ts'
import { api, errorOf } from './api.ts'
import { createResource } from './resource.svelte.ts'

export const datasets = createResource<DatasetSummary[]>()
export const models = createResource<ModelSummary[]>()
export const adapters = createResource<AdapterSummary[]>()
export const methods = createResource<MethodDescription[]>()
export const devices = createResource<DeviceReport[]>()
export const system = createResource<SystemInfo>()
/** What new runs take where nothing else is said for them. */
export const settings = createResource<ProgramSettings>()
/** How far measuring the devices has come, where it is under way. */
export const measuring: { progress: DeviceProgress | undefined } = $state({ progress: undefined })

const runsById = new SvelteMap<string, RunSummary>()
const runsState: { loaded: boolean; error: string | undefined } = $state({ loaded: false, error: undefined })

const newestFirst = $derived(
  [...runsById.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id)),
)

/** The runs by id and newest first. */
export const runs = {
  get all(): RunSummary[] {
    return newestFirst
  },
  get loaded(): boolean {
    return runsState.loaded
  },
  get error(): string | undefined {
    return runsState.error
  },
  get(id: string): RunSummary | undefined {
    return runsById.get(id)
  },
  put(run: RunSummary): void {
    runsById.set(run.id, run)
  },
}

export const reloadDatasets = () => datasets.load(() => api.invoke('datasets.list', {}))
export const reloadAdapters = () => adapters.load(() => api.invoke('adapters.list', {}))
export const reloadModels = () => models.load(() => api.invoke('models.list', {}))
export const reloadDevices = () => devices.load(() => api.invoke('system.devices', {}))

async function reloadRuns(): Promise<void> {
  try {
    const list = await api.invoke('runs.list', {})
    const known = new Set(list.map((run) => run.id))
    for (const id of runsById.keys()) if (!known.has(id)) runsById.delete(id)
    for (const run of list) runsById.set(run.id, run)
    runsState.loaded = true
    runsState.error = undefined
  } catch (thrown) {
    runsState.error = errorOf(thrown).message
  }
}

/** Fetches everything; called when the connection comes and each time it comes back. */
export function reloadAll(): void {
  void reloadRuns()
  void reloadDatasets()
  void reloadModels()
  void reloadAdapters()
  void methods.load(() => api.invoke('methods.list', {}))
  void reloadDevices()
  void settings.load(() => api.invoke('settings.get', {}))
  void system.load(() => api.invoke('system.info', {}))
}

/** Its runs carry its name. */
function renameExperiment({ id, name }: ExperimentSummary): void {
  for (const run of runsById.values()) {
    if (run.experiment?.id === id && run.experiment.name !== name)
      runs.put({ ...run, experiment: { ...run.experiment, name } })
  }
}

function followMeasuring(progress: DeviceProgress): void {
  const isOver = progress.current === undefined
  measuring.progress = isOver ? undefined : progress
  if (isOver) void reloadDevices()
}

/** Keeps the stores up to date until the returned function is called. */
export function followTopics(): () => void {
  const ends = [
    api.subscribe('run.changed', (run) => runs.put(run)),
    api.subscribe('run.removed', ({ id }) => void runsById.delete(id)),
    api.subscribe('experiment.changed', renameExperiment),
    api.subscribe('dataset.changed', () => void reloadDatasets()),
    api.subscribe('model.changed', () => void reloadModels()),
    api.subscribe('adapter.changed', () => void reloadAdapters()),
    api.subscribe('run.removed', () => void reloadAdapters()),
    api.subscribe('devices.progress', followMeasuring),
    api.subscribe('settings.changed', (value) => settings.put(value)),
  ]
  return () => ends.forEach((end) => end())
}
