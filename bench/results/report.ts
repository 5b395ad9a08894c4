import { claimsOf, isCollapsed } from './claims.ts'
import {
  allCells,
  encoders,
  float32Of,
  int8Plan,
  mainMethods,
  methods,
  seedsOf,
  taskNames,
  tasks,
  tasksOf,
  type Encoder,
  type PlannedMethod,
  type TaskName,
} from './plan.ts'
import type { ResultRow } from './rows.ts'
import { deviation, mean, meanAndDeviation, signed } from './statistics.ts'

const titles: Record<Encoder, { title: string; layers: number }> = {
  'starter-encoder': {
    title: 'starter-encoder (4 layers, hidden size 192, 3.4 M parameters; it ships with the program)',
    layers: 4,
  },
  'minilm-l6': { title: 'minilm-l6 (6 layers, hidden size 384, 22.7 M parameters)', layers: 6 },
}

/** What `docs/results.md` says of the rows that are done. */
export function report(rows: readonly ResultRow[]): string {
  return [
    introduction,
    ...encoders.flatMap((encoder) => {
      const own = rows.filter((row) => row.encoder === encoder)
      if (own.length === 0) return []
      return [
        `## ${titles[encoder].title}`,
        scoreTable(own, encoder),
        completeness(own, encoder),
        collapsed(own),
        claimsTable(own, encoder),
        dropTable(own, encoder),
        forgettingTable(own),
        earlierTaskTable(own),
        int8Table(own),
        costTable(own),
      ]
    }),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

const introduction = `# Results on real data

Test accuracy in per cent of every method on six tasks, and what follows from it for the claims of the papers. This page is written by \`npm run results\`, which trains what is missing and can be interrupted at any time:

\`\`\`
npm run results                                   # go on until everything is trained
npm run results -- --minutes 30                   # set the run aside after half an hour
npm run results -- --task trec --method lora,ia3  # only these
npm run results -- --report                       # only write this page from what there is
\`\`\`

Data and encoders are expected in \`../shared\`. Runs are kept as a user's would be, in the home folder \`.cache/results/home\` (look at them with \`npm run serve -- --home .cache/results/home\`); finished rows stand in \`.cache/results/rows.json\` and are not trained again.

Every method has the recipe of \`train\`: batches of 32, AdamW with the method's own learning rate (1e-3 for most, full fine-tuning 2e-4, with minilm-l6 5e-5), linear warm-up over 6 % of the steps and decay, a two-layer head on the first token, float32 (where not named int8), one thread. Ten epochs, five for SST-2, SUBJ and MR and where all tasks are trained together, three with minilm-l6; texts are cut to 64 tokens, pairs (RTE, MRPC) to 128. The epoch with the best validation accuracy gives the test score. The fusions (and the averages and the stack) build on the seq_bn adapters of all tasks of the encoder, the task's own included. Test rows: TREC's and SST-2's own, GLUE's development rows of MRPC and RTE, a tenth drawn from MR and SUBJ.

Cells are the mean over the seeds ± their standard deviation; a cell of one seed has no deviation. Differences below about two standard errors of the counting (500 test rows at 90 %: 1.3 points; RTE's 277 at 55 %: 3.0) say nothing.`

function scoreTable(rows: readonly ResultRow[], encoder: Encoder): string {
  const names = tasksOf(encoder)
  const shown = methods.filter(({ title, after }) => !after && rows.some((row) => row.method === title))
  return markdown(
    ['method', ...names.map((task) => tasks[task].title), 'trained parameters, share of the backbone'],
    shown.map((method) => [
      method.title,
      ...names.map((task) => {
        const cell = rowsOf(rows, method, task)
        const planned = method.int8 ? int8Plan.seeds.length : seedsOf(encoder, task).length
        const missing = cell.length > 0 && cell.length < planned ? ` (${cell.length} of ${planned})` : ''
        return cell.length === 0 ? '' : meanAndDeviation(cell.map(({ test }) => test.accuracy)) + missing
      }),
      parameters(rows.filter((row) => row.method === method.title)),
    ]),
  )
}

function parameters(rows: readonly ResultRow[]): string {
  const [first] = rows
  if (!first) return ''
  const { trainableParameters: trained, backboneParameters: backbone } = first
  return `${trained.toLocaleString('en-US')} (${((100 * trained) / backbone).toFixed(1)} %)`
}

/** Which seeds of each task have all main methods of the plan, and how many of the runs of its variants are there. */
function completeness(rows: readonly ResultRow[], encoder: Encoder): string {
  const lines = tasksOf(encoder).map((task) => {
    const has = (method: PlannedMethod, seed: number): boolean =>
      rowsOf(rows, method, task).some((row) => row.seed === seed)
    const states = seedsOf(encoder, task).map((seed) => {
      const missing = mainMethods.filter((method) => !has(method, seed)).map(({ title }) => title)
      if (missing.length === 0) return `seed ${seed} is complete`
      if (missing.length === mainMethods.length) return `seed ${seed} is not begun`
      return `seed ${seed} lacks ${missing.join('; ')}`
    })
    return `- ${tasks[task].title}: ${states.join('. ')}`
  })
  const variants = allCells().filter(({ method, ...cell }) => method.variant && cell.encoder === encoder)
  const done = variants.filter((cell) =>
    rowsOf(rows, cell.method, cell.task).some(({ seed }) => seed === cell.seed),
  )
  const rest = `Of the others (further kinds of these methods, one task after another, int8): ${done.length} of ${variants.length} planned runs.`
  return ['What is complete of the main methods, from head to fusion:', '', ...lines, '', rest].join('\n')
}

function collapsed(rows: readonly ResultRow[]): string {
  const runs = rows
    .filter(isCollapsed)
    .map(({ method, task, seed }) => `${method} on ${titleOf(task)}, seed ${seed}`)
  return runs.length === 0 ? '' : `Runs that came to give every test row the same answer: ${runs.join('; ')}.`
}

function claimsTable(rows: readonly ResultRow[], encoder: Encoder): string {
  return [
    'What the papers claim. ± is the standard error by the number of test rows. Confirmed: beyond the claim’s bound by more than that error; not confirmed: short of it by more; undecided: neither. What is claimed of every task is judged by those that were measured.',
    '',
    markdown(
      ['claim', 'here', 'measured', 'figures'],
      claimsOf(rows, encoder, titles[encoder].layers).map(({ claim, verdict, measured, figures }) => [
        claim,
        verdict,
        measured,
        figures,
      ]),
    ),
  ].join('\n')
}

/** Accuracy on the validation rows at every number of layers dropped, robust and plain. */
function dropTable(rows: readonly ResultRow[], encoder: Encoder): string {
  const ns = Array.from({ length: titles[encoder].layers + 1 }, (_, n) => n)
  const lines = tasksOf(encoder).flatMap((task) =>
    ['adapter_drop, robust', 'seq_bn'].flatMap((method) => {
      const curves = rows.filter((row) => row.task === task && row.method === method && row.dropCurve)
      if (curves.length === 0) return []
      const at = ns.map((n) =>
        curves.flatMap(({ dropCurve = [] }) =>
          dropCurve.filter(({ droppedLayers }) => droppedLayers === n).map(({ scores }) => scores.accuracy),
        ),
      )
      return [
        [
          tasks[task].title,
          method,
          ...at.map((values) => (values.length > 0 ? meanAndDeviation(values) : '')),
        ],
      ]
    }),
  )
  if (lines.length === 0) return ''
  return [
    'Validation accuracy with the adapters of the first n layers dropped:',
    '',
    markdown(['task', 'trained as', ...ns.map((n) => `n = ${n}`)], lines),
  ].join('\n')
}

/** By how much the backbone's masked-language-model loss rose; the frozen ones' by exactly 0. */
function forgettingTable(rows: readonly ResultRow[]): string {
  const measured = rows.flatMap(({ method, task, forgetting }) =>
    forgetting ? [{ method, task, ...forgetting }] : [],
  )
  const [first] = measured
  if (!first) return ''
  const changed = methods.flatMap(({ title }) => {
    const own = measured.filter(({ method, before, after }) => method === title && after !== before)
    return own.length === 0
      ? []
      : [`${title} ${signed(mean(own.map(({ before, after }) => after - before)), 2)}`]
  })
  const unchanged = methods.filter(
    ({ title }) =>
      measured.some(({ method }) => method === title) &&
      measured.every(({ method, before, after }) => method !== title || after === before),
  )
  return (
    `Forgetting: the backbone's masked-language-model loss on held-out text was ${first.before.toFixed(2)} before ` +
    `(${first.tokens} masked tokens). It changed on average over the runs by: ${changed.join(', ') || 'nothing'}. ` +
    `It stayed exactly the same, the backbone being frozen, with: ${unchanged.map(({ title }) => title).join(', ') || 'none'}.`
  )
}

/** Tasks one after the other: what became of the first. */
function earlierTaskTable(rows: readonly ResultRow[]): string {
  const lines = rows.flatMap(({ method, task, test, earlierTask }) => {
    const planned = methods.find(({ title }) => title === method)
    if (!planned?.after || !earlierTask) return []
    const { before, after } = earlierTask
    const percent = (fraction: number): string => (fraction * 100).toFixed(1)
    return [
      [
        `${planned.name}: ${tasks[planned.after].title}, then ${titleOf(task)}`,
        percent(before.accuracy),
        percent(after.accuracy),
        percent(test.accuracy),
      ],
    ]
  })
  if (lines.length === 0) return ''
  return [
    'One task after the other (full fine-tuning goes on with the backbone that the first task left; each task has adapters of its own on the frozen one): test accuracy of the first task before and after the second was trained.',
    '',
    markdown(['method and tasks', 'first task before', 'first task after', 'second task'], lines),
  ].join('\n')
}

/** What it costs in score that the frozen backbone is computed in 8 bits. */
function int8Table(rows: readonly ResultRow[]): string {
  const differences: number[] = []
  const lines = methods
    .filter((method) => method.int8)
    .flatMap((method) =>
      int8Plan.tasks.flatMap((task) => {
        const exact = rowsOf(rows, float32Of(method), task)
        const pairs = rowsOf(rows, method, task).flatMap((row) => {
          const other = exact.find(({ seed }) => seed === row.seed)
          return other ? [[row.test.accuracy, other.test.accuracy] as const] : []
        })
        if (pairs.length === 0) return []
        const points = pairs.map(([int8, float32]) => (int8 - float32) * 100)
        differences.push(mean(points))
        const spread = deviation(points)
        return [
          [
            float32Of(method).title,
            tasks[task].title,
            `${pairs.length} of ${int8Plan.seeds.length}`,
            meanAndDeviation(pairs.map(([, float32]) => float32)),
            meanAndDeviation(pairs.map(([int8]) => int8)),
            `${signed(mean(points))}${spread === undefined ? '' : ` ± ${spread.toFixed(1)}`}`,
          ],
        ]
      }),
    )
  if (lines.length === 0) return ''
  const least = Math.min(...differences)
  return [
    `The frozen backbone in 8 bits (\`--backbone-precision int8\`) against float32, by the seeds that both have: test accuracy, and the difference of runs with the same seed, in points. Aimed at was to lose no more than ${mostLost} of a point: on average over the tasks it is ${signed(mean(differences))}, on the worst ${signed(least)}.`,
    '',
    markdown(['method', 'task', 'seeds', 'float32', 'int8', 'int8 − float32'], lines),
  ].join('\n')
}

/** Points of test accuracy that a backbone of 8 bits may cost. */
const mostLost = 0.5

function titleOf(task: string): string {
  const known = taskNames.find((name) => name === task)
  return known ? tasks[known].title : task
}

/** What a text costs, counted on the graphs. */
function costTable(rows: readonly ResultRow[]): string {
  const [task] = rows.some((row) => row.task === 'trec' && row.cost) ? ['trec'] : []
  const lines = methods.flatMap(({ title, int8 }) => {
    // In whole numbers it is as many operations.
    if (int8) return []
    const cost = rows.find((row) => row.method === title && row.task === task)?.cost
    if (!cost) return []
    const millions = (operations: number): string => (operations / 1e6).toFixed(0)
    return [
      [
        title,
        millions(cost.forwardFlops),
        millions(cost.backwardFlops),
        (cost.activationBytes / 1024).toFixed(0),
      ],
    ]
  })
  if (lines.length === 0) return ''
  return [
    'Cost of one text of 64 tokens, counted on the graphs (the optimizer’s update is in the backward column):',
    '',
    markdown(['method', 'forward, MFLOP', 'backward, MFLOP', 'kept values, KB'], lines),
  ].join('\n')
}

function rowsOf(rows: readonly ResultRow[], { title }: PlannedMethod, task: TaskName): ResultRow[] {
  return rows.filter((row) => row.method === title && row.task === task)
}

function markdown(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n')
}
