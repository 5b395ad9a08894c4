import type { InputOf } from '../../preload/contract.ts'
import { api, errorOf } from './api.ts'
import { download } from './download.ts'
import { theme } from './theme.svelte.ts'
import { toast } from './toasts.svelte.ts'

export type ReportFormat = 'html' | 'markdown' | 'csv'

/** Has the workbench write the report of a comparison and hands it to the user as a file. */
export async function saveReport(input: InputOf<'report.create'>): Promise<void> {
  try {
    const report = await api.invoke('report.create', { theme: theme.shown, ...input })
    download(report.fileName, report.content, report.mediaType)
  } catch (thrown) {
    toast(errorOf(thrown).message, 'error')
  }
}
