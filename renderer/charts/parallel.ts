/** Parallel coordinates: a line through the settings of each group, to the score it came to. */
import type { SweepAnalysis } from '../../preload/contract.ts'
import { formatScore } from '../lib/format.ts'
import { toCsv } from '../lib/tsv.ts'
import type { Drawn } from './drawn.ts'
import { frame, type ChartOption } from './options.ts'
import { scoreLabels } from './run-curves.ts'
import type { ChartTokens } from './tokens.ts'
import { itemTooltip } from './tooltip.ts'

type Setting = SweepAnalysis['settings'][number]
type Value = string | number | boolean

export interface ParallelLine {
  id: string
  name: string
  color: string
  values: Record<string, Value>
  score: number
}

/** The last part of a setting's path: `training.learningRate` is `learningRate`. */
export function settingName(path: string): string {
  return path === 'method.name' ? 'method' : (path.split('.').at(-1) ?? path)
}

/** A numeric setting over a factor of 10 or more, all above 0, has a logarithmic axis. */
export function isLogarithmic({ numeric, values }: Pick<Setting, 'numeric' | 'values'>): boolean {
  const numbers = values.map(Number)
  return numeric && Math.min(...numbers) > 0 && Math.max(...numbers) / Math.min(...numbers) >= 10
}

export function parallelOption(
  sweep: SweepAnalysis,
  lines: readonly ParallelLine[],
  tokens: ChartTokens,
): ChartOption {
  const label = { color: tokens.muted, fontSize: 11, fontFamily: tokens.fontFamily }
  const axisLook = {
    nameTextStyle: { ...label, color: tokens.text },
    axisLabel: label,
    axisLine: { lineStyle: { color: tokens.axis } },
    axisTick: { lineStyle: { color: tokens.axis }, length: 3 },
    nameGap: 12,
    areaSelectStyle: { color: tokens.text, opacity: 0.12, borderColor: tokens.axis },
  }
  return {
    animation: false,
    textStyle: { fontFamily: tokens.fontFamily, color: tokens.text },
    title: {
      show: false,
      text: 'Settings and score',
      left: 8,
      top: 4,
      textStyle: { ...label, color: tokens.text, fontSize: 13 },
    },
    parallel: { left: 60, right: 60, top: 44, bottom: 20 },
    parallelAxis: [
      ...sweep.settings.map((setting, dim) => ({
        dim,
        name: settingName(setting.path),
        ...axisLook,
        ...(setting.numeric
          ? { type: isLogarithmic(setting) ? ('log' as const) : ('value' as const), scale: true }
          : { type: 'category' as const, data: setting.values.map(String) }),
      })),
      {
        dim: sweep.settings.length,
        name: `${scoreLabels[sweep.metric]} (%)`,
        type: 'value' as const,
        scale: true,
        ...axisLook,
      },
    ],
    tooltip: itemTooltip((id) => {
      const line = lines.find((entry) => entry.id === id)
      return (
        line && {
          title: line.name,
          lines: [
            ...sweep.settings.map(({ path }): [string, string] => [
              settingName(path),
              String(line.values[path] ?? '–'),
            ]),
            [scoreLabels[sweep.metric], formatScore(line.score)],
          ],
        }
      )
    }),
    series: lines.map((line) => ({
      type: 'parallel' as const,
      id: line.id,
      name: line.name,
      smooth: 0.15,
      lineStyle: { color: tokens.color(line.color), width: 1.75, opacity: 0.8 },
      emphasis: { lineStyle: { width: 3.5, opacity: 1 } },
      inactiveOpacity: 0.06,
      activeOpacity: 0.9,
      data: [
        [
          ...sweep.settings.map(({ path, numeric }) => {
            const value = line.values[path]
            return value === undefined ? '-' : numeric ? Number(value) : String(value)
          }),
          line.score * 100,
        ],
      ],
    })),
  }
}

export function drawParallel(sweep: SweepAnalysis, lines: readonly ParallelLine[]): Drawn {
  const names = sweep.settings.map(({ path }) => path)
  const top = lines.reduce<ParallelLine | undefined>(
    (best, line) => (best === undefined || line.score > best.score ? line : best),
    undefined,
  )
  return {
    title: 'Settings and score',
    build: (tokens) => parallelOption(sweep, lines, tokens),
    csv: () =>
      toCsv([
        ['Variant', ...names, scoreLabels[sweep.metric]],
        ...lines.map((line) => [
          line.name,
          ...names.map((name) => String(line.values[name] ?? '')),
          line.score,
        ]),
      ]),
    summary: `${lines.length} settings of ${names.map(settingName).join(', ')}. Highest: ${top === undefined ? 'none' : `${top.name}, ${formatScore(top.score)} %`}.`,
    ...(lines.length === 0 ? { empty: 'All are hidden.' } : {}),
  }
}

/** Each setting's share of the score's variance, the largest first, and which way it goes. */
export function drawImportance(sweep: SweepAnalysis): Drawn {
  const settings = [...sweep.settings].sort((a, b) => b.importance - a.importance)
  const title = 'What mattered'
  const way = ({ correlation }: Setting) =>
    correlation === undefined ? '' : `, correlation ${correlation.toFixed(2)}`
  return {
    title,
    build: (tokens) => {
      const base = frame(title, { name: 'Importance', percent: true, min: 0 }, { name: '' }, tokens)
      const label = { color: tokens.muted, fontSize: 11, fontFamily: tokens.fontFamily }
      return {
        ...base,
        grid: { ...base.grid, left: 130, right: 130 },
        xAxis: { ...base.xAxis, splitLine: { show: true, lineStyle: { color: tokens.grid } } },
        yAxis: {
          type: 'category' as const,
          inverse: true,
          data: settings.map(({ path }) => settingName(path)),
          axisLabel: { ...label, width: 114, overflow: 'truncate' as const },
          axisLine: { show: false },
          axisTick: { show: false },
        },
        series: [
          {
            type: 'bar' as const,
            id: 'importance',
            name: 'Importance',
            barMaxWidth: 22,
            itemStyle: { color: tokens.color('--accent-fill') },
            emphasis: { disabled: true },
            label: {
              show: true,
              position: 'right' as const,
              ...label,
              formatter: ({ dataIndex }: { dataIndex: number }) => {
                const setting = settings[dataIndex]
                return setting === undefined ? '' : `${formatScore(setting.importance)}${way(setting)}`
              },
            },
            data: settings.map(({ importance }) => importance),
          },
        ],
      }
    },
    csv: () =>
      toCsv([
        ['Setting', 'Importance', 'Rank correlation'],
        ...settings.map(({ path, importance, correlation }) => [path, importance, correlation ?? '']),
      ]),
    summary: `Share of the score's variance. ${settings.map((setting) => `${settingName(setting.path)}: ${formatScore(setting.importance)} %${way(setting)}`).join('; ')}.`,
  }
}
