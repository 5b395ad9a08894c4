import type { Answer, ComparedGroup, ComparedPair, ScoreName } from '../../preload/contract.ts'

/** What the figures say of each dataset, with words for it. */
export function answersOf(
  groups: readonly ComparedGroup[],
  pairs: readonly ComparedPair[],
  metric: ScoreName,
): Answer[] {
  const several = new Set(groups.map(({ modelId }) => modelId)).size > 1
  const scored = groups.filter(({ score }) => score !== undefined)
  return [...Map.groupBy(scored, ({ datasetId }) => datasetId).values()].flatMap((alike) => {
    const ranked = alike.toSorted((a, b) => meanOf(b) - meanOf(a))
    const [best, ...others] = ranked
    return best === undefined ? [] : [answerOf(best, others, pairs, metric, several)]
  })
}

function answerOf(
  best: ComparedGroup,
  others: readonly ComparedGroup[],
  pairs: readonly ComparedPair[],
  metric: ScoreName,
  several: boolean,
): Answer {
  const name = (group: ComparedGroup): string =>
    several ? `${group.name} on ${group.modelName}` : group.name
  const below = others.filter((other) => isBelow(other, best, pairs))
  const within = others.filter((other) => !below.includes(other))
  const cheaper = within
    .filter((other) => parametersOf(other) < parametersOf(best))
    .sort((a, b) => parametersOf(a) - parametersOf(b))[0]
  const sentences = [
    others.length === 0
      ? `On ${best.datasetName}, ${name(best)} reaches ${scoreInWords(best, metric)}.`
      : `On ${best.datasetName}, ${name(best)} scores highest: ${scoreInWords(best, metric)}.`,
  ]
  if (cheaper !== undefined) {
    const test = pairOf(cheaper, best, pairs)
    const how =
      test === undefined
        ? 'is within its interval'
        : `is not significantly below it (p = ${pInWords(test.adjustedP)})`
    sentences.push(
      `${name(cheaper)} (${scoreInWords(cheaper, metric)}) ${how} with ${ratioInWords(parametersOf(best) / parametersOf(cheaper))} of the trained parameters.`,
    )
  }
  if (others.length > 0 && within.length === 0) {
    sentences.push(
      others.length === 1
        ? `${name(others[0] ?? best)} is significantly below it.`
        : `All ${others.length} others are significantly below it.`,
    )
  } else if (below.length > 0) {
    sentences.push(
      below.length > 4
        ? `${below.length} of the ${others.length} others are significantly below the best.`
        : `Significantly below the best: ${below.map(name).join(', ')}.`,
    )
  }
  const adjustedP = cheaper && pairOf(cheaper, best, pairs)?.adjustedP
  return {
    datasetId: best.datasetId,
    datasetName: best.datasetName,
    best: best.id,
    ...(cheaper === undefined
      ? {}
      : {
          cheaper: {
            group: cheaper.id,
            parameterRatio: parametersOf(best) / parametersOf(cheaper),
            ...(adjustedP === undefined ? {} : { adjustedP }),
          },
        }),
    below: below.map(({ id }) => id),
    within: within.map(({ id }) => id),
    text: sentences.join(' '),
  }
}

/** By the test, where there is one; else by whether the intervals are apart. */
function isBelow(group: ComparedGroup, best: ComparedGroup, pairs: readonly ComparedPair[]): boolean {
  const test = pairOf(group, best, pairs)
  if (test !== undefined) return test.significant
  return (group.score?.high ?? 0) < (best.score?.low ?? 0)
}

function pairOf(
  a: ComparedGroup,
  b: ComparedGroup,
  pairs: readonly ComparedPair[],
): ComparedPair | undefined {
  return pairs.find(
    ({ first, second }) => (first === a.id && second === b.id) || (first === b.id && second === a.id),
  )
}

/** `91.2 ± 0.4 % accuracy`; a Matthews coefficient is no share. */
export function scoreInWords({ score }: ComparedGroup, metric: ScoreName): string {
  if (score === undefined) return '–'
  const { mean, low, high, basis } = score
  const half = (high - low) / 2
  const isShare = metric !== 'matthews'
  const figure = (value: number): string => (isShare ? (value * 100).toFixed(1) : value.toFixed(3))
  const spread = basis === 'none' ? '' : ` ± ${figure(half)}`
  const unit = isShare ? ' %' : ''
  return `${figure(mean)}${spread}${unit} ${metricNames[metric]}`
}

const metricNames = {
  accuracy: 'accuracy',
  macroF1: 'macro F1',
  matthews: 'Matthews correlation',
} as const satisfies Record<ScoreName, string>

function ratioInWords(ratio: number): string {
  return ratio >= 1.95 ? `1/${Math.round(ratio)}` : `${Math.round(100 / ratio)} %`
}

function pInWords(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(p < 0.1 ? 3 : 2)
}

function meanOf({ score }: ComparedGroup): number {
  return score?.mean ?? -Infinity
}

function parametersOf({ trainableParameters }: ComparedGroup): number {
  return trainableParameters ?? Infinity
}
