import { app, dialog, type BrowserWindow } from 'electron'

import type { OutputOf } from '../../preload/contract.ts'
import type { Supervisor } from './supervisor.ts'

/** A workbench process that does not answer must not keep the user from quitting. */
const questionLimitMs = 3000
/** Trainers write a checkpoint before they end. */
const closeLimitMs = 20_000

/**
 * Quitting: asks first when runs are going, then lets the workbench process close in order, then quits.
 * Closing the one window is quitting, so that the question comes while there still is a window.
 */
export function guardQuit(window: BrowserWindow, supervisor: Supervisor): void {
  let stage: 'open' | 'asking' | 'closed' = 'open'

  async function quit(): Promise<void> {
    stage = 'asking'
    const going = await runsGoing(supervisor)
    // A window that went away meanwhile cannot be asked in.
    const agreed = going === 0 || (await confirmQuit(window, going).catch(() => true))
    if (!agreed) {
      stage = 'open'
      return
    }
    await supervisor.close(closeLimitMs)
    stage = 'closed'
    app.quit()
  }

  app.on('before-quit', (event) => {
    if (stage === 'closed') return
    event.preventDefault()
    if (stage === 'open') void quit()
  })
  window.on('close', (event) => {
    if (stage === 'closed') return
    event.preventDefault()
    if (stage === 'open') void quit()
  })
}

async function runsGoing(supervisor: Supervisor): Promise<number> {
  const limit = new Promise<undefined>(
    (resolve) => void setTimeout(() => resolve(undefined), questionLimitMs),
  )
  const reply = await Promise.race([supervisor.invoke('runs.list', {}), limit])
  if (reply === undefined || !reply.ok) return 0
  return (reply.value as OutputOf<'runs.list'>).filter(
    ({ status }) => status === 'running' || status === 'queued',
  ).length
}

async function confirmQuit(window: BrowserWindow, going: number): Promise<boolean> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    message: going === 1 ? 'A run is still going. Quit?' : `${going} runs are still going. Quit?`,
    detail: 'Each writes a checkpoint first and can be resumed from there.',
    buttons: ['Quit', 'Keep running'],
    defaultId: 1,
    cancelId: 1,
  })
  return response === 0
}
