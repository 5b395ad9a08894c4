import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

import {
  WorkbenchError,
  type AdapterSummary,
  type DatasetSummary,
  type ExperimentSummary,
  type MethodDescription,
  type ModelSummary,
  type RunSummary,
} from '../../preload/contract.ts'
import type { Client } from './client.ts'
import { UsageError } from './usage.ts'

/**
 * A known model by its id or name, else the folder of that path, which becomes known by it.
 * @throws WorkbenchError `not-found`, or what reading the folder throws
 */
export async function findModel(client: Client, wanted: string): Promise<ModelSummary> {
  const models = await client.invoke('models.list', {})
  const folder = resolve(wanted)
  const known = pick(models, wanted) ?? models.find((model) => resolve(model.folder) === folder)
  if (known !== undefined) return known
  if (existsSync(folder) && statSync(folder).isDirectory()) return client.invoke('models.add', { folder })
  throw new WorkbenchError(
    'not-found',
    `There is no model or folder "${wanted}". Known models: ${list(models.map((model) => model.name))}.`,
  )
}

/** A model by its id or name, whose folder may be gone. @throws WorkbenchError `not-found` */
export async function findKnownModel(client: Client, wanted: string): Promise<ModelSummary> {
  const models = await client.invoke('models.list', {})
  const found = pick(models, wanted)
  if (found !== undefined) return found
  throw new WorkbenchError('not-found', `There is no model "${wanted}". "models list" shows those there are.`)
}

export async function findDataset(client: Client, wanted: string): Promise<DatasetSummary> {
  const datasets = await client.invoke('datasets.list', {})
  const found = pick(datasets, wanted)
  if (found !== undefined) return found
  throw new WorkbenchError(
    'not-found',
    `There is no dataset "${wanted}". Known datasets: ${list(datasets.map((dataset) => dataset.name))}.`,
  )
}

/** As `findRuns`, of one. */
export async function findRun(client: Client, wanted: string): Promise<RunSummary> {
  return runNamed(await allRuns(client), wanted)
}

/** As `findRun`, for what cannot be undone. @throws WorkbenchError `bad-input` also where several have that name */
export async function findOnlyRun(client: Client, wanted: string): Promise<RunSummary> {
  const runs = await allRuns(client)
  const found = runNamed(runs, wanted)
  const alike = runs.filter(({ name }) => name === wanted)
  if (found.id === wanted || alike.length < 2) return found
  const ids = alike.map(({ id }) => id).join(', ')
  throw new WorkbenchError(
    'bad-input',
    `${alike.length} runs are called "${wanted}". Name one by its id: ${ids}.`,
  )
}

/**
 * Runs by id, by the beginning of an id, or by name, archived ones too; where several have that name, the one started
 * last.
 * @throws WorkbenchError `not-found`
 */
export async function findRuns(client: Client, wanted: readonly string[]): Promise<RunSummary[]> {
  const runs = await allRuns(client)
  return wanted.map((one) => runNamed(runs, one))
}

export function allRuns(client: Client): Promise<RunSummary[]> {
  return client.invoke('runs.list', { archived: 'all' })
}

function runNamed(runs: readonly RunSummary[], wanted: string): RunSummary {
  const found = pickNewest(runs, wanted)
  if (found !== undefined) return found
  throw new WorkbenchError('not-found', `There is no run "${wanted}". "runs list" shows those there are.`)
}

/** By id, by the beginning of an id, or by name; where several have that name, the newest. */
export async function findExperiment(client: Client, wanted: string): Promise<ExperimentSummary> {
  const found = pickNewest(await client.invoke('experiments.list', {}), wanted)
  if (found !== undefined) return found
  throw new WorkbenchError(
    'not-found',
    `There is no experiment "${wanted}". "experiment status" shows those there are.`,
  )
}

/** By id, by the beginning of an id, or by name. @throws WorkbenchError `not-found` */
export async function findAdapter(client: Client, wanted: string): Promise<AdapterSummary> {
  const adapters = await client.invoke('adapters.list', {})
  const found = pick(adapters, wanted)
  if (found !== undefined) return found
  throw new WorkbenchError(
    'not-found',
    `There is no stored adapter "${wanted}". "adapters list" shows those there are.`,
  )
}

export async function checkMethod(client: Client, name: string): Promise<MethodDescription> {
  const methods = await client.invoke('methods.list', {})
  const found = methods.find((method) => method.name === name)
  if (found !== undefined) return found
  throw new UsageError(
    `There is no method "${name}". Methods: ${list(methods.map((method) => method.name))}.`,
  )
}

function pick<Item extends { id: string; name: string }>(
  items: readonly Item[],
  wanted: string,
): Item | undefined {
  const exact = items.find((item) => item.id === wanted)
  if (exact !== undefined) return exact
  const named = items.filter((item) => item.name === wanted)
  if (named.length === 1) return named[0]
  const begun = wanted.length >= 4 ? items.filter((item) => item.id.startsWith(wanted)) : []
  return begun.length === 1 ? begun[0] : undefined
}

/** Of items that come with the newest first. */
function pickNewest<Item extends { id: string; name: string }>(
  items: readonly Item[],
  wanted: string,
): Item | undefined {
  return (
    items.find(({ id }) => id === wanted) ?? items.find(({ name }) => name === wanted) ?? pick(items, wanted)
  )
}

/** What is found for each name, one after the other: finding a model may make its folder known. */
export async function inOrder<Found>(
  names: readonly string[],
  find: (name: string) => Promise<Found>,
): Promise<Found[]> {
  const found: Found[] = []
  for (const name of names) found.push(await find(name))
  return found
}

function list(names: string[]): string {
  return names.length === 0 ? 'none' : [...new Set(names)].sort().join(', ')
}
