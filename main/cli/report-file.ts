import { writeFileSync } from 'node:fs'
import { extname, resolve } from 'node:path'

import { InvalidArgumentError } from 'commander'

import { WorkbenchError, type InputOf } from '../../preload/contract.ts'
import type { Client } from './client.ts'
import type { Output } from './output.ts'

const formats = { '.html': 'html', '.htm': 'html', '.md': 'markdown', '.csv': 'csv' } as const

/** A file to write a report to. */
export interface ReportFile {
  path: string
  format: (typeof formats)[keyof typeof formats]
}

/** For a flag that names a report's file, whose ending says the format. */
export function parseReportFile(file: string): ReportFile {
  const extension = extname(file).toLowerCase()
  const format = Object.entries(formats).find(([known]) => known === extension)?.[1]
  if (format === undefined) throw new InvalidArgumentError('It must end in .html, .md or .csv.')
  return { path: resolve(file), format }
}

/** Writes a report and says so. @throws WorkbenchError `storage` where it cannot be written */
export async function writeReport(
  client: Client,
  output: Output,
  input: InputOf<'report.create'>,
  { path, format }: ReportFile,
): Promise<void> {
  const { content } = await client.invoke('report.create', { ...input, format })
  try {
    writeFileSync(path, content)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new WorkbenchError('storage', `The report could not be written to ${path}: ${reason}.`)
  }
  output.log(`Written: ${path}`)
}
