import { reportCharts } from './report-charts.ts'
import { byDataset, fullName, type ReportData, type ReportTable } from './report-data.ts'
import { createChartDrawer } from './report-draw.ts'
import { palettes, type Palette } from './report-palette.ts'
import { rerunLines } from './report-rerun.ts'
import {
  contributionNote,
  contributionTables,
  sequenceNote,
  sequenceTables,
} from './report-tables-analyses.ts'
import {
  classTables,
  originTable,
  settingsTable,
  significanceTables,
  summaryTables,
} from './report-tables.ts'

/** The report as one HTML file that needs nothing else: styles and charts are in it, and no script. */
export async function reportHtml(data: ReportData): Promise<string> {
  const { title, question, createdAt, version, comparison } = data
  const draw = await createChartDrawer()
  const settings = settingsTable(data)
  const charts = reportCharts(data).map(
    ({ datasetName, legend, charts: own }) => `<h3>${escapeHtml(datasetName)}</h3>
<p class="legend">${legend.map(legendEntry).join('\n')}</p>
<div class="charts">${own
      .map(
        (chart) => `<figure tabindex="0"><figcaption>${escapeHtml(chart.title)}</figcaption>
<div role="img" aria-label="${escapeHtml(`${chart.title}. ${chart.description}`)}">${draw(chart)}</div></figure>`,
      )
      .join('\n')}</div>`,
  )
  const sections = [
    section(
      'Answer',
      `<ul>${comparison.answers.map(({ text }) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`,
    ),
    section('Summary', summaryTables(data).map(htmlTable).join('\n') + intervalNote(data)),
    section('Charts', charts.join('\n')),
    section('Tasks one after the other', noted(sequenceTables(data), sequenceNote)),
    section('Parts of a method', noted(contributionTables(data), contributionNote)),
    section('Significance', significanceTables(data).map(htmlTable).join('\n')),
    section('Classes', [...classTables(data).map(htmlTable), confusionMatrices(data)].join('\n')),
    section(
      'Configurations',
      [
        ...(settings ? [htmlTable(settings)] : []),
        ...(data.experiment ? [jsonBlock('The experiment', data.experiment)] : []),
        ...data.runs.map((run) => jsonBlock(run.name, run.config)),
      ].join('\n'),
    ),
    section('Origin', htmlTable(originTable(data))),
    section('How to run it again', `<pre tabindex="0">${escapeHtml(rerunLines(data).join('\n'))}</pre>`),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Adapter Workbench ${escapeHtml(version)}">
<title>${escapeHtml(title)}</title>
<style>${styles(palettes[data.theme])}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
${question === '' ? '' : `<p class="question">${escapeHtml(question)}</p>`}
<p class="muted">Adapter Workbench ${escapeHtml(version)}, ${escapeHtml(createdAt.slice(0, 16).replace('T', ' '))} UTC ·
${comparison.groups.length} variants, ${data.runs.length} runs</p>
</header>
<main>
${sections.join('\n')}
</main>
</body>
</html>
`
}

/** A piece of a variant's line with its marker: it is told from others without its colour too. */
function legendEntry({
  name,
  color,
  marker,
  dash,
}: {
  name: string
  color: string
  marker: string
  dash: string
}): string {
  const pattern =
    { solid: '', dashed: ' stroke-dasharray="5 3"', dotted: ' stroke-dasharray="2 2"' }[dash] ?? ''
  return `<span><svg width="30" height="10" aria-hidden="true"><line x1="0" y1="5" x2="30" y2="5" stroke="${color}" stroke-width="2"${pattern}/></svg><span style="color:${color}">${marker}</span> ${escapeHtml(name)}</span>`
}

function section(title: string, content: string): string {
  return content.trim() === '' ? '' : `<section><h2>${title}</h2>\n${content}</section>`
}

/** Tables with a note of how their figures are defined. */
function noted(tables: readonly ReportTable[], note: string): string {
  if (tables.length === 0) return ''
  return `${tables.map(htmlTable).join('\n')}\n<p class="muted">${escapeHtml(note)}</p>`
}

function intervalNote({ comparison: { groups } }: ReportData): string {
  const bases = new Set(groups.flatMap(({ score }) => score?.basis ?? []))
  const notes = [
    ...(bases.has('seeds')
      ? ['± over several seeds: Student’s t, half of the 95 % interval of the mean.']
      : []),
    ...(bases.has('bootstrap')
      ? ['± of a single run: bootstrap over the rows, half of the 95 % interval.']
      : []),
    ...(bases.has('none') ? ['Without ±: one run whose single answers are not kept.'] : []),
  ]
  return notes.length === 0 ? '' : `<p class="muted">${notes.join(' ')}</p>`
}

function htmlTable({ title, header, rows }: ReportTable): string {
  const isNumber = header.map((_, column) =>
    rows.every(({ cells }) =>
      /^(?:[-+−<]? ?[\d.,]+( ± [\d.,]+)?( \/ [\d.,]+)?( \*)?|–)$/.test(cells[column] ?? ''),
    ),
  )
  const cell = (tag: 'td' | 'th', text: string, column: number, best = false): string =>
    `<${tag}${isNumber[column] ? ' class="number"' : ''}>${best ? `<b>${escapeHtml(text)}</b>` : escapeHtml(text)}</${tag}>`
  return `<h3>${escapeHtml(title)}</h3>
<div class="table" tabindex="0" role="region" aria-label="${escapeHtml(title)}"><table><thead><tr>${header.map((text, column) => cell('th', text, column)).join('')}</tr></thead>
<tbody>${rows
    .map(
      ({ cells, best }) =>
        `<tr>${cells.map((text, column) => cell('td', text, column, best[column] === true)).join('')}</tr>`,
    )
    .join('\n')}</tbody></table></div>`
}

/** One shaded table for each group that has a matrix. */
function confusionMatrices({ comparison: { groups: all }, theme }: ReportData): string {
  const accent = palettes[theme].accent
  return byDataset(all)
    .flatMap(({ datasetName, groups }) =>
      groups.flatMap((group) => {
        if (group.confusion === undefined) return []
        const { labels, counts } = group.confusion
        const rows = counts.map((row, actual) => {
          const total = row.reduce((sum, count) => sum + count, 0)
          const cells = row.map((count) => {
            const share = total > 0 ? Math.round((count / total) * 60) : 0
            return `<td class="number" style="background:color-mix(in srgb, ${accent} ${share}%, transparent)">${count}</td>`
          })
          return `<tr><th>${escapeHtml(labels[actual] ?? '')}</th>${cells.join('')}</tr>`
        })
        return [
          `<details><summary>Confusion matrix: ${escapeHtml(`${fullName(group, all)}, ${datasetName}`)}</summary>
<div class="table" tabindex="0"><table><thead><tr><th>true \\ predicted</th>${labels.map((label) => `<th>${escapeHtml(label)}</th>`).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div></details>`,
        ]
      }),
    )
    .join('\n')
}

function jsonBlock(title: string, value: unknown): string {
  return `<details><summary>${escapeHtml(title)}</summary><pre tabindex="0">${escapeHtml(JSON.stringify(value, undefined, 2))}</pre></details>`
}

/** Names and texts are the user's: nothing in them may become markup. */
function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

function styles({ background, surface, text, muted, border, accent }: Palette): string {
  return `
:root { color-scheme: ${background === '#ffffff' ? 'light' : 'dark'}; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1320px; padding: 24px; background: ${background}; color: ${text};
  font: 14px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 24px; margin: 0 0 8px; } h2 { font-size: 18px; margin: 32px 0 8px; border-bottom: 1px solid ${border}; padding-bottom: 4px; }
h3 { font-size: 15px; margin: 20px 0 6px; }
.question { font-size: 16px; border-left: 3px solid ${accent}; padding-left: 10px; white-space: pre-wrap; }
.muted { color: ${muted}; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 4px 0 10px; }
.table { overflow-x: auto; }
table { border-collapse: collapse; } th, td { text-align: left; padding: 4px 10px; border-bottom: 1px solid ${border}; white-space: nowrap; }
th { color: ${muted}; font-weight: 600; } .number { text-align: right; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(620px, 100%), 1fr)); gap: 16px; }
figure { margin: 0; padding: 8px; border: 1px solid ${border}; border-radius: 6px; background: ${surface}; overflow-x: auto; }
figcaption { font-weight: 600; margin-bottom: 4px; }
details { margin: 6px 0; } summary { cursor: pointer; }
pre { overflow-x: auto; padding: 10px; background: ${surface}; border: 1px solid ${border}; border-radius: 6px; font-size: 12px; }
@media print { body { max-width: none; } figure, tr { break-inside: avoid; } }
`
}
