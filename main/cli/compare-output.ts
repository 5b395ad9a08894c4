import type { Comparison } from '../../preload/contract.ts'
import { figure as threeFigures, scoreCell } from '../formats/report-tables.ts'
import { contributionTables, sequenceTables } from '../formats/report-tables-analyses.ts'
import { count, table } from './format.ts'

/**
 * The answer in words, a table for each dataset, which differences are more than chance, and what became of tasks that
 * were trained one after the other and of methods without their parts, where there are such.
 */
export function describeComparison(comparison: Comparison): string {
  const { metric, split, groups, pairs, answers, missing } = comparison
  const tables = [...Map.groupBy(groups, ({ datasetName }) => datasetName)].map(([dataset, alike]) => {
    const ranked = alike.toSorted((a, b) => (b.score?.mean ?? -1) - (a.score?.mean ?? -1))
    return [
      '',
      `${dataset}: ${metric} on ${split} rows`,
      table(
        [
          'variant',
          'model',
          metric === 'matthews' ? metric : `${metric} %`,
          'seeds',
          'trainable',
          'seconds',
          'examples/s',
          'ms p50',
        ],
        ranked.map((group) => [
          group.name,
          group.modelName,
          scoreCell(group, metric),
          String(group.score?.values.length ?? 0),
          count(group.trainableParameters),
          threeFigures(group.seconds?.mean),
          threeFigures(group.examplesPerSecond?.mean),
          threeFigures(group.latency?.p50),
        ]),
      ),
    ].join('\n')
  })
  const significant = pairs.filter((pair) => pair.significant).length
  return [
    ...answers.map(({ text }) => text),
    ...tables,
    '',
    pairs.length === 0
      ? 'No two variants could be tested against each other.'
      : `${String(significant)} of ${String(pairs.length)} tested differences are significant (Holm, 5 %).`,
    ...[...sequenceTables({ comparison }), ...contributionTables({ comparison })].map(
      ({ title, header, rows }) =>
        `\n${title}\n${table(
          header,
          rows.map(({ cells }) => cells),
        )}`,
    ),
    ...(missing.length > 0 ? [`Not there any more: ${missing.join(', ')}.`] : []),
  ].join('\n')
}
