import type { ExperimentConfig, ExperimentVariant, MethodDescription } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import { getDataset } from '../store/datasets.ts'
import { getModel } from '../store/models.ts'
import { sweepProblem } from './experiments-sweep.ts'

/** What an experiment cannot do as it stands, and what looks odd; each sentence names the setting. */
export function checkExperiment(
  database: Database,
  described: readonly MethodDescription[],
  config: ExperimentConfig,
): { problems: string[]; warnings: string[] } {
  const problems: string[] = []
  const warnings: string[] = []
  for (const [setting, ids] of Object.entries({
    modelIds: config.modelIds,
    datasetIds: config.datasetIds,
    seeds: config.seeds.map(String),
    variants: config.variants.map(({ name }) => name),
  })) {
    const twice = ids.find((id, index) => ids.indexOf(id) !== index)
    if (twice !== undefined) problems.push(`${setting}: “${twice}” is named twice.`)
  }
  for (const id of config.modelIds) {
    if (getModel(database, id) === undefined) problems.push(`modelIds: there is no model ${id}.`)
  }
  for (const id of config.datasetIds) {
    const dataset = getDataset(database, id)
    if (dataset === undefined) problems.push(`datasetIds: there is no dataset ${id}.`)
    else if ((dataset.splits.test ?? 0) === 0) {
      warnings.push(
        `“${dataset.name}” has no test rows: variants are judged by the validation rows that also chose their epoch.`,
      )
    }
  }
  config.variants.forEach((variant, index) =>
    checkVariant(described, config, variant, index, problems, warnings),
  )
  if (config.seeds.length === 1 && config.variants.length > 1) {
    warnings.push('One seed shows no spread between seeds; three or more do.')
  }
  return { problems, warnings }
}

function checkVariant(
  described: readonly MethodDescription[],
  config: ExperimentConfig,
  variant: ExperimentVariant,
  index: number,
  problems: string[],
  warnings: string[],
): void {
  const { name, uses, sweep, together } = variant
  const say = (text: string): void => void problems.push(`${name}: ${text}`)
  const method = described.find((candidate) => candidate.name === variant.method.name)
  if (method === undefined) {
    say(`there is no method “${variant.method.name}”.`)
    return
  }
  const builds = uses !== undefined || variant.adapterIds.length > 0
  if (method.takes === 'adapters' && !builds) {
    say(`${method.name} builds on trained adapters. Say which variant's it uses, or choose stored ones.`)
  }
  if (method.takes === 'none' && builds) say(`${method.name} builds on no adapters. Leave them out.`)
  const count = uses === undefined ? 0 : (uses.over === 'datasets' ? config.datasetIds : config.seeds).length
  const tasks = together ? config.datasetIds.length : 1
  if (method.takes === 'perTask' && builds && count + variant.adapterIds.length !== tasks) {
    say(
      `${method.name} begins with one adapter for each dataset that it trains, and would have ` +
        `${count + variant.adapterIds.length} for ${tasks}. Name one for each, or none.`,
    )
  }
  if (uses !== undefined) {
    const source = config.variants.slice(0, index).find((earlier) => earlier.name === uses.variant)
    const sourceMethod = described.find((candidate) => candidate.name === source?.method.name)
    if (source === undefined) say(`it uses “${uses.variant}”, which is no variant before it.`)
    else if (source.sweep !== undefined) {
      say(`it uses “${uses.variant}”, which varies in a sweep. Use a variant with fixed settings.`)
    } else if (source.together) {
      say(`it uses “${uses.variant}”, which trains all datasets in one run. Use one that trains each.`)
    } else if (sourceMethod?.family === 'baseline' || sourceMethod?.takes === 'adapters') {
      say(`it uses “${uses.variant}”, whose method ${sourceMethod.name} leaves no adapter of its own.`)
    }
    if (method.takes === 'adapters' && count + variant.adapterIds.length < 2) {
      warnings.push(
        `${name}: it builds on a single adapter. Add ${uses.over === 'datasets' ? 'datasets' : 'seeds'} for more.`,
      )
    }
    if (count + variant.adapterIds.length > 16) say('it would build on more than 16 adapters.')
  }
  if (together && !method.manyTasks) say(`${method.name} trains one dataset at a time.`)
  if (together && config.datasetIds.length > 8) say('at most 8 datasets can be trained together.')
  if (sweep !== undefined) checkSweep(method, sweep, say)
}

function checkSweep(
  method: MethodDescription,
  sweep: NonNullable<ExperimentVariant['sweep']>,
  say: (text: string) => void,
): void {
  const problem = sweepProblem(sweep)
  if (problem !== undefined) say(`sweep: ${problem}.`)
  for (const { path } of sweep.parameters) {
    const option = /^method\.options\.(\w+)/.exec(path)?.[1]
    if (option !== undefined && !method.fields.some((field) => field.name === option)) {
      const known = method.fields.map((field) => field.name).join(', ')
      say(`sweep: ${method.name} has no option “${option}”${known === '' ? '' : `; it has ${known}`}.`)
    }
    if (path === 'training.seed') say('sweep: seeds are given by “seeds”.')
    if (sweep.kind === 'halving' && path === 'training.epochs') {
      say('sweep: successive halving chooses the epochs itself.')
    }
  }
}
