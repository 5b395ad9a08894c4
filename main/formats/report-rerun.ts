import type { RunConfig } from '../../preload/contract.ts'
import type { ReportData } from './report-data.ts'

/** What to type to get these results again: the experiment, or each run that is no experiment's. */
export function rerunLines({ experiment, runs }: ReportData): string[] {
  // A run goes on from one that was there before it.
  const trained = runs
    .filter(({ imported }) => !imported)
    .toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0))
  const earlier = new Set(trained.map(({ config }) => config.earlierRunId))
  return experiment === undefined
    ? [
        '# The configuration of each run is below; "npm run workbench -- train --help" lists the flags.',
        ...trained.map(
          ({ id, name, config, modelName, datasetName, seed, sequence }) =>
            `npm run workbench -- train --model ${quote(modelName)} --dataset ${quote(datasetName)} ` +
            `--method ${quote(methodText(config.method))} --epochs ${config.training.epochs} ` +
            `--learning-rate ${config.training.learningRate ?? ''} ${batchFlag(config)} ` +
            `--maximum-length ${config.training.maximumLength} ${headFlags(config)}` +
            `${precisionFlag(config)} --seed ${seed}` +
            (earlier.has(id) ? ` --name ${quote(name)}` : '') +
            (sequence ? ` --after ${quote(sequence.stages.at(-2)?.name ?? '')}` : ''),
        ),
      ]
    : [
        '# Save the configuration below as experiment.json, then:',
        'npm run workbench -- experiment run --config experiment.json',
      ]
}

function batchFlag({ training: { batchSize, batchTokens } }: RunConfig): string {
  return batchTokens === undefined ? `--batch-size ${batchSize}` : `--batch-tokens ${batchTokens}`
}

function headFlags({ head: { layers, activation, pooling, dropout } }: RunConfig): string {
  return (
    `--head-layers ${layers} --pooling ${pooling}` +
    (layers === 1 || activation === 'tanh' ? '' : ` --head-activation ${activation}`) +
    (dropout === 0 ? '' : ` --head-dropout ${dropout}`)
  )
}

function precisionFlag({ training: { backbonePrecision } }: RunConfig): string {
  return backbonePrecision === 'float32' ? '' : ` --backbone-precision ${backbonePrecision}`
}

function methodText({ name, options }: { name: string; options: Record<string, unknown> }): string {
  const words = Object.entries(options).map(
    ([option, value]) => `${option}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return words.length === 0 ? name : `${name}[${words.join(',')}]`
}

function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
