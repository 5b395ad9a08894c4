import type { ComparedPair, Comparison, ScoreName } from '../../preload/contract.ts'
import { holm, mcNemar, resampledDifference, resampledScores } from '../statistics/significance.ts'
import { rightRows, scorerOf, type AnswerStore, type RowAnswers } from './comparison-answers.ts'
import type { GroupAnswers } from './comparison-figures.ts'
import type { Group } from './comparison-groups.ts'

/** Work that one comparison may spend on resampling: rows × resamples × groups. */
const mostSampledRows = 300_000_000
const usualResamples = 1000
/** Groups on one dataset of which every two are tested; of more, the best against each of the others. */
const mostPairwise = 40
const fewestResamples = 100

/**
 * Reads the groups' answers and resamples their rows: the same rows for all groups on one dataset. Groups with runs on
 * different rows (which are no seeds of one variant) have answers, but no resampled scores.
 */
export async function readGroupAnswers(
  groups: readonly Group[],
  store: AnswerStore,
  { metric, split }: { metric: ScoreName; split: 'validation' | 'test' },
): Promise<Map<string, GroupAnswers>> {
  const result = new Map<string, GroupAnswers>()
  for (const { id, entries } of groups) {
    const answers: RowAnswers[] = []
    for (const entry of entries) {
      const own = await store.read(entry, split)
      if (own !== undefined) answers.push(own)
    }
    result.set(id, { answers })
  }
  const byRows = Map.groupBy(groups, (group) => rowsKey(group, result.get(group.id)?.answers ?? []))
  for (const [key, alike] of byRows) {
    if (key === undefined) continue
    const all = alike.map(({ id }) => result.get(id)?.answers ?? [])
    const rows = all[0]?.[0]?.classes.length ?? 0
    const affordable = Math.floor(mostSampledRows / Math.max(1, rows * alike.length))
    const resamples = Math.max(fewestResamples, Math.min(usualResamples, affordable))
    const scorers = all.map((answers) => scorerOf(answers, metric))
    const scores = resampledScores(rows, scorers, { resamples })
    alike.forEach(({ id }, index) => {
      const resampled = scores[index]
      result.set(id, { answers: all[index] ?? [], ...(resampled ? { resampled } : {}) })
    })
  }
  return result
}

/** Which rows a group answered; undefined where it kept no answers or its runs answered different ones. */
function rowsKey({ entries }: Group, answers: readonly RowAnswers[]): string | undefined {
  const hashes = new Set(entries.map(({ datasetHash }) => datasetHash))
  const counts = new Set(answers.map(({ classes }) => classes.length))
  const [hash] = hashes
  const [rows] = counts
  return hashes.size === 1 && counts.size === 1 ? `${hash} ${rows}` : undefined
}

/** Tests every two groups that answered the same rows; of very many, only the best against the others. */
export function testPairs(
  groups: readonly Group[],
  answers: ReadonlyMap<string, GroupAnswers>,
  metric: ScoreName,
): Pick<Comparison, 'pairs' | 'untested'> {
  const pairs: ComparedPair[] = []
  const untested: Comparison['untested'] = []
  for (const alike of Map.groupBy(groups, ({ entries }) => entries[0].datasetId).values()) {
    const tested: ComparedPair[] = []
    const cached = createPairCache(answers, metric)
    const onlyBest = alike.length > mostPairwise
    const best = onlyBest ? bestOf(alike, cached) : undefined
    alike.forEach((first, index) => {
      for (const second of alike.slice(index + 1)) {
        if (onlyBest && first !== best && second !== best) continue
        const reason = whyNot(first, second, answers)
        if (reason !== undefined) untested.push({ first: first.id, second: second.id, reason })
        else tested.push(testPair(first.id, second.id, answers, metric, cached))
      }
    })
    const adjusted = holm(tested.map(({ p }) => p))
    tested.forEach((pair, index) => {
      const adjustedP = adjusted[index] ?? 1
      pairs.push({ ...pair, adjustedP, significant: adjustedP < 0.05 })
    })
  }
  return { pairs, untested }
}

function bestOf(groups: readonly Group[], { scoreOf }: PairCache): Group | undefined {
  return groups
    .filter(({ id }) => Number.isFinite(scoreOf(id)))
    .toSorted((a, b) => scoreOf(b.id) - scoreOf(a.id))[0]
}

/** What every pair needs of a group, computed once. */
interface PairCache {
  /** On all rows. */
  scoreOf(id: string): number
  /** Whether the group's only run is right, row by row. */
  rightOf(id: string): boolean[]
}

function createPairCache(answers: ReadonlyMap<string, GroupAnswers>, metric: ScoreName): PairCache {
  const scores = new Map<string, number>()
  const right = new Map<string, boolean[]>()
  return {
    scoreOf(id) {
      const own = answers.get(id)?.answers ?? []
      const rows = own[0]?.classes.length ?? 0
      const score =
        scores.get(id) ?? scorerOf(own, metric)(Uint32Array.from({ length: rows }, (_, row) => row))
      scores.set(id, score)
      return score
    },
    rightOf(id) {
      const [own] = answers.get(id)?.answers ?? []
      const known = right.get(id) ?? (own ? rightRows(own) : [])
      right.set(id, known)
      return known
    },
  }
}

function whyNot(first: Group, second: Group, answers: ReadonlyMap<string, GroupAnswers>): string | undefined {
  for (const { id, name, entries } of [first, second]) {
    const own = answers.get(id)
    if (own === undefined || own.answers.length === 0) {
      const isDone = entries.some(({ run }) => run.status === 'finished')
      return isDone
        ? `The single answers of “${name}” are not kept: it was trained by an older version, or imported.`
        : `No run of “${name}” has finished.`
    }
    if (own.resampled === undefined) return `The runs of “${name}” answered different rows.`
  }
  const [one, other] = [first, second].map(({ id, entries }) => ({
    hash: entries[0].datasetHash,
    rows: answers.get(id)?.answers[0]?.classes.length,
  }))
  if (one?.hash === other?.hash && one?.rows === other?.rows) return undefined
  return `“${first.name}” and “${second.name}” answered different rows: their datasets are not the same.`
}

function testPair(
  first: string,
  second: string,
  answers: ReadonlyMap<string, GroupAnswers>,
  metric: ScoreName,
  { scoreOf, rightOf }: PairCache,
): ComparedPair {
  const [one, other] = [answers.get(first), answers.get(second)]
  const [a, b] = [one?.answers ?? [], other?.answers ?? []]
  const rows = a[0]?.classes.length ?? 0
  const empty = new Float64Array(0)
  const { low, high, p } = resampledDifference(one?.resampled ?? empty, other?.resampled ?? empty)
  const difference = scoreOf(first) - scoreOf(second)
  const shared = { first, second, difference, low, high, adjustedP: 1, significant: false, rows }
  if (metric === 'accuracy' && a.length === 1 && b.length === 1) {
    return { ...shared, test: 'mcnemar', p: mcNemar(rightOf(first), rightOf(second)).p }
  }
  return { ...shared, test: 'bootstrap', p }
}
