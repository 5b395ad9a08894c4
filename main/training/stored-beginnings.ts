import { WorkbenchError, type RunConfig } from '../../preload/contract.ts'
import { classificationHead } from '../adapters/head.ts'
import type { NamedAdapter } from '../adapters/method.ts'
import { optionsDifference } from '../adapters/options-difference.ts'
import { findMethod } from '../adapters/registry.ts'
import { readSafetensors } from '../models/checkpoint/safetensors.ts'
import type { TensorFile } from '../models/checkpoint/tensor-file.ts'
import type { JobBeginning } from './messages.ts'
import type { NamedTensors, TunedModel } from './tuned-model.ts'

type Begun = Pick<TunedModel, 'config' | 'method' | 'tasks'>
type Chosen = Pick<RunConfig, 'method' | 'head'>
type HeadBeginning = Extract<JobBeginning, { kind: 'head' }>
type FusionBeginning = Extract<JobBeginning, { kind: 'fusion' }>

/** A parameter of the run, and where a file has the values that it begins with. */
interface Source {
  name: string
  shape: readonly number[]
  from: string
}

/**
 * Reads the stored heads and the stored fusion that a run's own begin with, under the run's names for them.
 *
 * @param adapters that the run builds on, in order
 * @throws WorkbenchError `bad-input` naming what does not fit, and why
 */
export async function readBeginnings(
  beginnings: readonly JobBeginning[],
  chosen: Chosen,
  model: Begun,
  adapters: readonly NamedAdapter[],
): Promise<NamedTensors> {
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>()
  for await (const { file, sources } of openBeginnings(beginnings, chosen, model, adapters)) {
    for (const { name, shape, from } of sources) values.set(name, { shape, data: await file.read(from) })
  }
  return values
}

/**
 * Refuses what `readBeginnings` would, by the headers of the files alone.
 *
 * @throws WorkbenchError as `readBeginnings`
 */
export async function checkBeginnings(...chosen: Parameters<typeof readBeginnings>): Promise<void> {
  const opened = openBeginnings(...chosen)
  while (!(await opened.next()).done);
}

/** The file of each, open until the next is asked for, and what the run takes from it. */
async function* openBeginnings(
  ...[beginnings, chosen, model, adapters]: Parameters<typeof readBeginnings>
): AsyncGenerator<{ file: TensorFile; sources: Source[] }, void> {
  for (const beginning of beginnings) {
    const file = await readSafetensors(beginning.file)
    try {
      const sources =
        beginning.kind === 'head'
          ? headSources(beginning, file, chosen, model)
          : fusionSources(beginning, file, chosen, model, adapters)
      yield { file, sources }
    } finally {
      await file.close()
    }
  }
}

const headTensor = /^heads\.(.+)\.\d+\.(?:weight|bias)$/

function headSources(
  beginning: HeadBeginning,
  file: TensorFile,
  { head }: Chosen,
  { config, tasks }: Begun,
): Source[] {
  const refuse = (why: string): never =>
    refuseBeginning(beginning, `${why}; take another head, or let it begin anew`)
  const task = tasks[beginning.task]
  if (!task) return refuse(`the run has no task ${beginning.task}`)
  const layers = countOf(file, /^heads\..*\.weight$/)
  if (layers !== head.layers) refuse(`it has ${inLayers(layers)}, and head.layers is ${head.layers}`)
  const { head: before } = beginning
  if (before) {
    const own = classificationHead(before, config, task.labels, task.name)
    if (own.only !== task.head.only) {
      refuse(`it reads ${readWords(own.only)}, and head.pooling says ${readWords(task.head.only)}`)
    }
    if (layers > 1 && before.activation !== head.activation) {
      refuse(
        `between its layers is ${before.activation}, and head.activation is ${head.activation}; set it alike`,
      )
    }
  }
  const old = [...file.tensors.keys()].map((name) => headTensor.exec(name)?.[1]).find(Boolean) ?? ''
  const sources = task.head.parameters.map(({ name, shape }) => ({
    ...{ name, shape },
    from: name.replace(`heads.${task.name}.`, `heads.${old}.`),
  }))
  const outer = file.tensors.get(sources.at(-2)?.from ?? '')?.shape ?? []
  const [labels, hidden] = outer
  if (outer.length === 2 && hidden !== config.hiddenSize) {
    refuse(`it reads states of ${hidden} units, and this model's have ${config.hiddenSize}`)
  }
  if (outer.length === 2 && labels !== task.labels) {
    refuse(`it tells ${labels} classes apart, and the task has ${task.labels}`)
  }
  const missing = sources.find((source) => !fits(file, source))
  if (missing) refuse(`${beginning.file} has no "${missing.from}" of the shape [${missing.shape.join(', ')}]`)
  return sources
}

/** Options of a fusion that bear on its training alone. */
const fusionTraining = [
  'train_adapters',
  'dropout_prob',
  'regularization',
  'regularization_weight',
  'temperature',
  'value_initialized',
  'value_before_softmax',
]

const fusionTensor = /\.adapter_fusion_layer\.([^.]+)\./

/** A fusion that trained its adapters too has them as it left them, and a run that trains them goes on with those. */
function fusionSources(
  beginning: FusionBeginning,
  file: TensorFile,
  { method }: Chosen,
  { method: prepared }: Begun,
  adapters: readonly NamedAdapter[],
): Source[] {
  const refuse = (why: string): never => refuseBeginning(beginning, why)
  const { method: before } = beginning
  if (before.name !== method.name) {
    refuse(
      `it was trained with the method ${before.name}, and the run's is ${method.name}; choose that method`,
    )
  }
  const [own, wanted] = [before, method].map(({ name, options }) =>
    Object.fromEntries(
      Object.entries(findMethod(name).complete(options)).filter(
        ([option]) => !fusionTraining.includes(option),
      ),
    ),
  )
  const difference = optionsDifference(own ?? {}, wanted ?? {})
  if (typeof difference === 'object') {
    refuse(`its option "${difference.name}" is ${difference.one}, and ${difference.other} here; set it alike`)
  }
  const names = [...file.tensors.keys()]
  const old =
    names
      .map((name) => fusionTensor.exec(name)?.[1])
      .find(Boolean)
      ?.split(',') ?? []
  if (old.length !== adapters.length) {
    refuse(
      `it weighs ${old.length} adapters, and the run ${adapters.length}; name its adapters, in its order`,
    )
  }
  const renamed = new Map(
    adapters.flatMap((adapter, index) => {
      const under = adapter.renamed(old[index] ?? '').parameters
      return adapter.method.parameters.map(({ name }, i) => [name, under[i]?.name] as const)
    }),
  )
  const layer = `.adapter_fusion_layer.${adapters.map(({ name }) => name).join(',')}.`
  const sources = prepared.parameters.flatMap(({ name, shape, group }): Source[] => {
    if (group === 'fusion') {
      return [{ name, shape, from: name.replace(layer, `.adapter_fusion_layer.${old.join(',')}.`) }]
    }
    const from = renamed.get(name)
    // Adapters that stayed frozen in the stored fusion begin as they are stored themselves.
    return from !== undefined && file.tensors.has(from) ? [{ name, shape, from }] : []
  })
  const missing = sources.find((source) => !fits(file, source))
  if (missing) refuse(`${beginning.file} has no "${missing.from}" of the shape [${missing.shape.join(', ')}]`)
  const used = new Set(sources.map(({ from }) => from))
  const left = names.find((name) => !used.has(name))
  if (left !== undefined) {
    refuse(
      fusionTensor.test(left)
        ? `it has "${left}", which the run has no use for`
        : 'its adapters were trained with it; set train_adapters=true, so that the run takes them as it left them',
    )
  }
  return sources
}

function fits(file: TensorFile, { shape, from }: Source): boolean {
  return file.tensors.get(from)?.shape.join() === shape.join()
}

function countOf(file: TensorFile, pattern: RegExp): number {
  return [...file.tensors.keys()].filter((name) => pattern.test(name)).length
}

function inLayers(count: number): string {
  return count === 1 ? 'one layer' : `${count} layers`
}

function readWords(only: 'first' | 'last' | undefined): string {
  return only === undefined ? 'the mean of all tokens' : `the ${only} token`
}

function refuseBeginning({ kind, name }: JobBeginning, why: string): never {
  throw new WorkbenchError(
    'bad-input',
    `the stored ${kind} "${name}" cannot be what the run's begins with: ${why}`,
  )
}
