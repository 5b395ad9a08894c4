import type { ReportData, ReportTable } from './report-data.ts'
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

/** The report without its charts, for a repository or a ticket. */
export function reportMarkdown(data: ReportData): string {
  const { title, question, createdAt, version, comparison } = data
  const settings = settingsTable(data)
  const sections = [
    `# ${escape(title)}`,
    ...(question === '' ? [] : [`> ${escape(question).replaceAll('\n', '\n> ')}`]),
    `Made by Adapter Workbench ${version} on ${createdAt.slice(0, 10)}.`,
    '## Answer',
    ...comparison.answers.map(({ text }) => `- ${escape(text)}`),
    '## Summary',
    ...summaryTables(data).map(markdownTable),
    ...heading('## Tasks one after the other', noted(sequenceTables(data), sequenceNote)),
    ...heading('## Parts of a method', noted(contributionTables(data), contributionNote)),
    ...heading('## Significance', significanceTables(data).map(markdownTable)),
    ...heading('## Classes', classTables(data).map(markdownTable)),
    ...(settings ? [markdownTable(settings)] : []),
    '## Origin',
    markdownTable(originTable(data)),
    '## How to run it again',
    ['```', ...rerunLines(data), '```'].join('\n'),
  ]
  return `${sections.join('\n\n')}\n`
}

function heading(title: string, parts: string[]): string[] {
  return parts.length === 0 ? [] : [title, ...parts]
}

function noted(tables: readonly ReportTable[], note: string): string[] {
  return tables.length === 0 ? [] : [...tables.map(markdownTable), escape(note)]
}

function markdownTable({ title, header, rows }: ReportTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(' | ')} |`
  return [
    `### ${escape(title)}`,
    '',
    line(header),
    `| ${header.map(() => '---').join(' | ')} |`,
    ...rows.map(({ cells, best }) => {
      const marked = cells.map((cell, column) => (best[column] ? `**${escape(cell)}**` : escape(cell)))
      return `| ${marked.join(' | ')} |`
    }),
  ].join('\n')
}

/** Names are the user's: they must not become markup. */
function escape(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#]/g, String.raw`\$&`)
}
