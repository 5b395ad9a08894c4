import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Page } from '@playwright/test'

import type { MessageOf, RunDetail } from '../../preload/contract.ts'
import {
  answerQuestions,
  endShell,
  expect,
  invoke,
  launchShell,
  questionsAsked,
  received,
  recordTopic,
  refusal,
  test,
  type Shell,
} from './shell.ts'

const good = ['a warm and funny film', 'wonderful acting', 'I loved every minute', 'a moving, clever story']
const bad = ['a dull and empty film', 'terrible acting', 'I hated every minute', 'a boring, clumsy story']

/** Imports a small labelled file through the contract; its dataset's id. */
async function importReviews({ page, home }: Shell): Promise<string> {
  const rows = Array.from({ length: 96 }, (_, index) => {
    const texts = index % 2 === 0 ? good : bad
    const text = texts[(index >> 1) % texts.length] ?? ''
    return `"${text}, number ${index}",${index % 2 === 0 ? 'good' : 'bad'}`
  })
  const file = join(home, 'reviews.csv')
  writeFileSync(file, ['text,label', ...rows].join('\n'))
  const { id } = await invoke(page, 'datasets.import', { name: 'reviews', files: [{ path: file }] })
  return id
}

/** Starts a run that goes on far longer than the test, and waits until it has a checkpoint. */
async function startLongRun(shell: Shell): Promise<string> {
  const datasetId = await importReviews(shell)
  const models = await invoke(shell.page, 'models.list', {})
  const starter = models.find((model) => model.builtIn)
  if (starter === undefined) throw new Error('there is no built-in model')
  const { id } = await invoke(shell.page, 'runs.start', {
    modelId: starter.id,
    datasetId,
    method: { name: 'seq_bn' },
    training: { epochs: 1000, batchSize: 8, checkpointSteps: 5 },
  })
  await expect
    .poll(async () => (await getRun(shell.page, id)).resumable, {
      message: 'the run writes a checkpoint',
      timeout: 60_000,
    })
    .toBe(true)
  return id
}

function getRun(page: Page, id: string): Promise<RunDetail> {
  return invoke(page, 'runs.get', { id })
}

const latestStep = (run: RunDetail) => Math.max(0, ...run.checkpoints.map((checkpoint) => checkpoint.step))

/** Kills the workbench process as a crash or the system's out-of-memory killer would. */
async function killWorkbench({ app, home }: Shell): Promise<void> {
  const utility = await app.evaluate(
    ({ app: electron }) =>
      electron.getAppMetrics().find((metric) => Reflect.get(metric, 'name') === 'Adapter Workbench workbench')
        ?.pid,
  )
  const forked = () =>
    execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' })
      .split('\n')
      .find((line) => line.includes('workbench.js') && line.includes(home))
      ?.trim()
      .split(' ')[0]
  process.kill(utility ?? Number(forked()), 'SIGKILL')
}

const states = async (page: Page) =>
  (await received<MessageOf<'shell.workbench'>>(page, 'shell.workbench')).map(({ state }) => state)

test('a call reaches the workbench process and is answered @smoke', async ({ shell }) => {
  const info = await invoke(shell.page, 'system.info', {})
  expect(info).toMatchObject({ host: 'desktop', home: shell.home })
})

test('what a call stores in the database is there after a restart', async ({ shell, home }) => {
  const id = await importReviews(shell)
  await endShell(shell)
  const again = await launchShell(home)
  const datasets = await invoke(again.page, 'datasets.list', {})
  await endShell(again)
  expect(datasets).toMatchObject([
    { id, name: 'reviews', rows: 96, labels: expect.arrayContaining(['good', 'bad']) },
  ])
})

test('an error crosses with its code and message', async ({ shell }) => {
  expect(await refusal(shell.page, 'datasets.get', { id: 'none-such' })).toMatchObject({ code: 'not-found' })
  expect(await refusal(shell.page, 'datasets.get', { identity: 1 })).toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining('id'),
  })
})

test('a topic’s messages arrive until the page unsubscribes', async ({ shell }) => {
  await recordTopic(shell.page, 'dataset.changed')
  const id = await importReviews(shell)
  await expect.poll(() => received(shell.page, 'dataset.changed')).toContainEqual({ id })
})

test('a workbench process killed during a run comes back and nothing is lost', async ({ shell }) => {
  const { page } = shell
  const id = await startLongRun(shell)
  await recordTopic(page, 'shell.workbench')
  await killWorkbench(shell)

  await expect.poll(() => states(page)).toEqual(['lost', 'ready'])
  const messages = await received<MessageOf<'shell.workbench'>>(page, 'shell.workbench')
  expect(messages[0]?.message).toContain('ended unexpectedly')

  await expect.poll(async () => (await getRun(page, id)).status).toBe('interrupted')
  const before = await getRun(page, id)
  expect(before.resumable).toBe(true)
  expect(latestStep(before)).toBeGreaterThan(0)

  await invoke(page, 'runs.resume', { id })
  await expect
    .poll(async () => latestStep(await getRun(page, id)), { timeout: 60_000 })
    .toBeGreaterThan(latestStep(before))
  const series = await invoke(page, 'runs.metrics', { id, names: ['train.loss'] })
  const steps = series[0]?.steps ?? []
  expect(steps).toEqual(steps.map((_, index) => index + 1))
})

test('the window says that the workbench process went away, and that it is back', async ({ shell }) => {
  await invoke(shell.page, 'system.info', {})
  await recordTopic(shell.page, 'shell.workbench')
  await shell.page.evaluate(() => {
    const shown: string[] = []
    window.received = { ...window.received, shown }
    new MutationObserver(() => shown.push(document.body.textContent ?? '')).observe(document.body, {
      childList: true,
      characterData: true,
      subtree: true,
    })
  })
  await killWorkbench(shell)
  await expect.poll(() => states(shell.page)).toEqual(['lost', 'ready'])
  const shown = await received<string>(shell.page, 'shown')
  expect(shown.some((text) => text.includes('ended unexpectedly'))).toBe(true)
  expect(await shell.page.evaluate(() => document.body.textContent)).not.toContain('ended unexpectedly')
})

test('a workbench process that dies again at once is not started forever', async ({ shell }) => {
  const { page } = shell
  await invoke(page, 'system.info', {})
  await recordTopic(page, 'shell.workbench')
  await killWorkbench(shell)
  await expect.poll(() => states(page)).toEqual(['lost', 'ready'])
  await killWorkbench(shell)
  await expect.poll(() => states(page)).toEqual(['lost', 'ready', 'failed'])
  expect(await refusal(page, 'system.info', {})).toMatchObject({ code: 'unavailable' })
})

test('quitting during a run asks; the run goes on, or can be resumed the next time', async ({
  shell,
  home,
}) => {
  const id = await startLongRun(shell)
  await answerQuestions(shell.app, 1)
  await shell.app.evaluate(({ app }) => app.quit())
  await expect.poll(() => questionsAsked(shell.app)).toBe(1)
  expect(await getRun(shell.page, id)).toMatchObject({ status: 'running' })

  await answerQuestions(shell.app, 0)
  const ended = new Promise((resolve) => shell.process.once('exit', resolve))
  await shell.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
  expect(await ended).toBe(0)

  const again = await launchShell(home)
  const runs = await invoke(again.page, 'runs.list', {})
  await endShell(again)
  expect(runs).toMatchObject([{ id, resumable: true }])
  expect(['paused', 'interrupted']).toContain(runs[0]?.status)
})

test('quitting without a run does not ask', async ({ shell }) => {
  await invoke(shell.page, 'runs.list', {})
  const question = shell.app
    .evaluate(
      ({ dialog }) =>
        new Promise<string>((resolve) => {
          dialog.showMessageBox = (async () => {
            resolve('asked')
            return { response: 1, checkboxChecked: false }
          }) as typeof dialog.showMessageBox
        }),
    )
    // The program's end takes this evaluation away; its exit code is the answer then.
    .catch(() => new Promise<never>(() => undefined))
  const ended = new Promise((resolve) => shell.process.once('exit', (code) => resolve(code)))
  void invoke(shell.page, 'shell.quit', {}).catch(() => undefined)
  expect(await Promise.race([ended, question])).toBe(0)
})
