import type { DatasetSources, InputOf } from '../../preload/contract.ts'

export const encoders = ['starter-encoder', 'minilm-l6'] as const
export type Encoder = (typeof encoders)[number]

export const taskNames = ['trec', 'sst2', 'rte', 'mrpc', 'subj', 'mr'] as const
export type TaskName = (typeof taskNames)[number]

export interface Task {
  title: string
  epochs: number
  maximumLength: number
  /** Few training rows: where the papers expect that fusion helps. */
  small: boolean
}

/** Seeds that the plan trains. */
export function seedsOf(encoder: Encoder, task: TaskName): readonly number[] {
  return encoder === 'starter-encoder' && (task === 'trec' || task === 'sst2') ? [1, 2, 3] : [1]
}

/** Epochs and lengths of `../shared/reference-results.md`; pairs are longer than the texts that it was made for. */
export const tasks: Record<TaskName, Task> = {
  trec: { title: 'TREC', epochs: 10, maximumLength: 64, small: false },
  sst2: { title: 'SST-2 (8,000 rows)', epochs: 5, maximumLength: 64, small: false },
  rte: { title: 'RTE', epochs: 10, maximumLength: 128, small: true },
  mrpc: { title: 'MRPC', epochs: 10, maximumLength: 128, small: true },
  subj: { title: 'SUBJ', epochs: 5, maximumLength: 64, small: false },
  mr: { title: 'MR', epochs: 5, maximumLength: 64, small: false },
}

/** Tasks of an encoder: all, or of the larger one three with one seed. */
export function tasksOf(encoder: Encoder): readonly TaskName[] {
  return encoder === 'starter-encoder' ? taskNames : ['trec', 'sst2', 'rte']
}

export interface PlannedMethod {
  /** As the table names it. */
  title: string
  name: string
  options?: (layers: number) => Record<string, unknown>
  /** It builds on one adapter for each task of the encoder. */
  fuses?: boolean
  /** One run trains all tasks of the encoder. */
  together?: boolean
  /** It goes on from the run of the same method on this task, which is measured again at the end. */
  after?: TaskName
  /** Not among those that the papers' claims are about: trained last, and with the shipped encoder alone. */
  variant?: boolean
  /** The frozen backbone is computed in 8 bits: held against the same method without, on the tasks and seeds of `int8Plan`. */
  int8?: boolean
}

const lowerHalfDropped = (layers: number): Record<string, unknown> => ({
  dropped_layers: Math.floor(layers / 2),
})

/** In the order in which they are trained; what the program does not have is left out. */
export const methods: readonly PlannedMethod[] = [
  { title: 'head', name: 'head' },
  { title: 'seq_bn', name: 'seq_bn' },
  { title: 'double_seq_bn', name: 'double_seq_bn' },
  { title: 'par_bn', name: 'par_bn' },
  { title: 'scaled_par_bn', name: 'scaled_par_bn' },
  { title: 'lora', name: 'lora' },
  { title: 'ia3', name: 'ia3' },
  { title: 'prefix', name: 'prefix_tuning' },
  { title: 'mam', name: 'mam' },
  { title: 'masked', name: 'masked' },
  { title: 'adapter_drop, first half', name: 'adapter_drop', options: lowerHalfDropped },
  { title: 'adapter_drop, robust', name: 'adapter_drop_robust' },
  { title: 'bitfit', name: 'bitfit' },
  { title: 'full', name: 'full' },
  { title: 'fusion', name: 'fusion', fuses: true },
  { title: 'full, after TREC', name: 'full', after: 'trec', variant: true },
  { title: 'seq_bn, after TREC', name: 'seq_bn', after: 'trec', variant: true },
  { title: 'task_drop, all tasks', name: 'task_drop', together: true, variant: true },
  { title: 'masked, all tasks', name: 'masked', together: true, variant: true },
  { title: 'parallel, all tasks', name: 'parallel', together: true, variant: true },
  { title: 'fusion_static', name: 'fusion_static', fuses: true, variant: true },
  { title: 'fusion_mean', name: 'fusion_mean', fuses: true, variant: true },
  { title: 'fusion_weights', name: 'fusion_weights', fuses: true, variant: true },
  { title: 'average_outputs', name: 'average_outputs', fuses: true, variant: true },
  { title: 'average_parameters', name: 'average_parameters', fuses: true, variant: true },
  { title: 'stack', name: 'stack', fuses: true, variant: true },
  { title: 'seq_bn_inv', name: 'seq_bn_inv', variant: true },
  { title: 'double_seq_bn_inv', name: 'double_seq_bn_inv', variant: true },
  { title: 'prefix, flat', name: 'prefix_tuning_flat', variant: true },
  { title: 'mam_generation', name: 'mam_generation', variant: true },
  { title: 'unipelt', name: 'unipelt', variant: true },
  { title: 'seq_bn, int8', name: 'seq_bn', variant: true, int8: true },
]

/** Where a backbone of 8 bits is held against float32: on both encoders. */
export const int8Plan = { tasks: ['trec', 'sst2', 'rte', 'mr'], seeds: [1, 2, 3] } as const

/** Those that every task and seed of the plan has. */
export const mainMethods = methods.filter(({ variant }) => !variant)

/** The same method with the backbone in float32. */
export function float32Of({ name }: PlannedMethod): PlannedMethod {
  const method = mainMethods.find((one) => one.name === name)
  if (!method) throw new Error(`the plan lacks ${name}`)
  return method
}

/** The adapter that fusions are made of. */
export const fusedMethod = 'seq_bn'

/** One run of the table. */
export interface Cell {
  encoder: Encoder
  task: TaskName
  method: PlannedMethod
  seed: number
}

export interface Recipe {
  method: string
  options: Record<string, unknown>
  epochs: number
  /** Undefined: the method's own. */
  learningRate: number | undefined
  maximumLength: number
  /** Left out: float32. */
  backbonePrecision?: 'int8'
}

export function keyOf({ encoder, task, method, seed }: Cell): string {
  return `${encoder} ${task} ${method.title} seed ${seed}`
}

/** @param layers of the encoder */
export function recipeOf({ encoder, task, method }: Cell, layers: number): Recipe {
  const { epochs, maximumLength } = tasks[task]
  return {
    method: method.name,
    options: method.options?.(layers) ?? {},
    // Three epochs are enough for the larger encoder, and full fine-tuning wants smaller steps there.
    epochs: encoder === 'minilm-l6' ? 3 : method.together ? 5 : epochs,
    learningRate: encoder === 'minilm-l6' && method.name === 'full' ? 5e-5 : undefined,
    maximumLength: method.together ? longest : maximumLength,
    ...(method.int8 ? { backbonePrecision: 'int8' } : {}),
  }
}

const longest = Math.max(...Object.values(tasks).map((task) => task.maximumLength))

/**
 * All runs in the order of their worth: TREC and SST-2 with the shipped encoder, seed by seed; SST-2 once more
 * after TREC; then its other tasks; the larger encoder; what a backbone of 8 bits costs; and the variants. Fusions,
 * which need every task's adapter, come last in each.
 */
export function allCells(planned: readonly PlannedMethod[] = methods): Cell[] {
  const cells = (
    encoder: Encoder,
    names: readonly TaskName[],
    seeds: readonly number[],
    chosen: readonly PlannedMethod[],
  ): Cell[] =>
    [false, true].flatMap((fuses) =>
      seeds.flatMap((seed) =>
        names.flatMap((task) =>
          chosen
            .filter((method) => (method.fuses === true) === fuses)
            .map((method) => ({ encoder, task, method, seed })),
        ),
      ),
    )
  const first: readonly TaskName[] = ['trec', 'sst2']
  const others = taskNames.filter((task) => !first.includes(task))
  const main = planned.filter(({ variant }) => !variant)
  const sequential = planned.filter(({ after }) => after !== undefined)
  const int8 = planned.filter((method) => method.int8)
  const variants = planned.filter(({ variant, after, int8 }) => variant && after === undefined && !int8)
  const all = [
    ...cells('starter-encoder', first, [1, 2, 3], main),
    ...cells('starter-encoder', ['sst2'], [1], sequential),
    ...cells('starter-encoder', others, [1], main),
    ...cells('minilm-l6', tasksOf('minilm-l6'), [1], main),
    ...encoders.flatMap((encoder) =>
      cells(encoder, int8Plan.tasks, int8Plan.seeds, [...int8.map(float32Of), ...int8]),
    ),
    ...cells('starter-encoder', taskNames, [1], variants),
    ...cells('starter-encoder', first, [2, 3], variants),
  ]
  return [...new Map(all.map((cell) => [keyOf(cell), cell])).values()]
}

/**
 * The runs whose adapters a fusion weighs: its own task's with its own seed, the others' with the first.
 */
export function fusedCells({ encoder, task, seed }: Cell): Cell[] {
  const method = methods.find(({ name }) => name === fusedMethod)
  if (!method) throw new Error(`the plan lacks ${fusedMethod}`)
  return tasksOf(encoder).map((other) => ({ encoder, task: other, method, seed: other === task ? seed : 1 }))
}

/** The run that a cell goes on from: the same method on the earlier task. */
export function earlierCell(cell: Cell): Cell | undefined {
  const { after, name } = cell.method
  const method = mainMethods.find((one) => one.name === name)
  return after && method ? { ...cell, task: after, method } : undefined
}

/**
 * What to import for a task.
 *
 * @param data folder of the datasets
 * @param firstRows makes a copy of a file's header and first rows, and says where
 */
export function sourcesOf(
  task: TaskName,
  data: string,
  firstRows: (file: string, rows: number) => string,
): InputOf<'datasets.import'> {
  const file = (split: 'train' | 'validation' | 'test', path: string): DatasetSources['files'][number] => ({
    path,
    split,
  })
  const named = { name: tasks[task].title }
  switch (task) {
    case 'trec':
      return {
        ...named,
        files: [file('train', `${data}/trec/TREC.train`), file('test', `${data}/trec/TREC.test`)],
      }
    case 'sst2':
      return {
        ...named,
        files: [
          file('train', firstRows('sst2_glue/train.tsv', 8000)),
          file('validation', firstRows('sst2_glue/dev.tsv', 1000)),
          file('test', `${data}/sst2_glue/test.tsv`),
        ],
      }
    case 'subj':
      return drawn(named, `${data}/subj/subj.subjective`, `${data}/subj/subj.objective`)
    case 'mr':
      return drawn(named, `${data}/mr/rt-polarity.pos`, `${data}/mr/rt-polarity.neg`)
    // GLUE's own test rows have no labels: its development rows are the test here, and validation is drawn.
    case 'mrpc':
      return {
        ...named,
        files: [file('train', `${data}/glue_MRPC/train.tsv`), file('test', `${data}/glue_MRPC/dev.tsv`)],
      }
    case 'rte':
      return {
        ...named,
        files: [
          file('train', `${data}/glue_RTE/train.tsv`),
          file('validation', `${data}/glue_RTE/val.tsv`),
          file('test', `${data}/glue_RTE/dev.tsv`),
        ],
      }
  }
}

/** One file per class, of which 10 % each are drawn for validation and test. */
function drawn(named: { name: string }, ...paths: string[]): InputOf<'datasets.import'> {
  return { ...named, files: paths.map((path) => ({ path, split: 'train' })), testShare: 0.1 }
}
