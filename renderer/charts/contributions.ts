/** What each part of a method that unites several adds: of one run, and of compared variants. */
import type { ComparedGroup, PartContributions, ScoreName } from '../../preload/contract.ts'
import { switchedOff } from '../../preload/contract/method-text.ts'
import { lookOf, type ComparedLook } from './compared.ts'
import type { Heatmap } from './heatmap.ts'
import type { Line, LineChart } from './lines.ts'
import { scoreLabels } from './run-curves.ts'

const dashes = ['solid', 'dashed', 'dotted'] as const
const symbols = ['circle', 'rect', 'triangle', 'diamond'] as const

const axes: Pick<LineChart, 'title' | 'x' | 'y'> = {
  title: 'Change of each layer’s output by each part',
  x: { name: 'Layer', whole: true, min: 0, max: 'dataMax' },
  y: { name: 'Relative change', percent: true, min: 0 },
}

/** Of one run. @param color CSS variable */
export function contributionChart({ parts, changes }: PartContributions, color: string): LineChart {
  return {
    ...axes,
    lines: parts.map((part, index): Line => ({
      name: part,
      color,
      width: 2,
      ...lineOf(part, index),
      points: changes.map((row, layer) => [layer, row[index] ?? 0] as const),
    })),
  }
}

/** Of every variant that has several parts; parts have dashes, variants colours. */
export function changeChart(groups: readonly ComparedGroup[], look: ComparedLook): LineChart {
  return {
    ...axes,
    lines: groups.flatMap(({ id, name, contributions }): Line[] => {
      const { parts = [], changes = [] } = contributions ?? {}
      return parts.map((part, index) => ({
        id: `${id}|${part}`,
        name: `${name}: ${part}`,
        color: lookOf(look, id).color,
        width: 2,
        ...lineOf(part, index),
        points: changes.map((row, layer) => [layer, row[index]?.mean ?? 0] as const),
      }))
    }),
  }
}

function lineOf(part: string, index: number): Pick<Line, 'dash' | 'symbol' | 'endLabel'> {
  return {
    dash: dashes[index % dashes.length] ?? 'solid',
    symbol: symbols[index % symbols.length] ?? 'circle',
    endLabel: part,
  }
}

/** What is left of each variant's validation score with some of its parts switched off. */
export function ablationHeat(groups: readonly ComparedGroup[], metric: ScoreName): Heatmap {
  const known = groups.flatMap(({ name, contributions }) =>
    contributions ? [{ name, ...contributions }] : [],
  )
  const columns = [
    ...new Set(
      known.flatMap(({ parts, ablations }) => ablations.map(({ without }) => switchedOff(without, parts))),
    ),
  ].sort((a, b) => placeOf(a) - placeOf(b))
  const means = known.flatMap(({ ablations }) => ablations.map(({ score }) => score.mean))
  return {
    title: 'Score with parts switched off',
    x: { name: 'Switched off', labels: columns },
    y: { name: 'Variant', labels: known.map(({ name }) => name) },
    value: {
      name: `Validation ${scoreLabels[metric].toLowerCase()}`,
      percent: true,
      min: Math.min(0.999, ...means),
      max: Math.max(0, ...means),
    },
    cells: known.flatMap(({ parts, ablations }, y) =>
      ablations.map(({ without, score }) => ({
        x: columns.indexOf(switchedOff(without, parts)),
        y,
        value: score.mean,
      })),
    ),
  }
}

/** Nothing first, all parts last. */
function placeOf(column: string): number {
  return column === 'nothing' ? 0 : column === 'all parts' ? 2 : 1
}
