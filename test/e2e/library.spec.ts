import type { Page } from '@playwright/test'

import { expectPresentable } from './checks.ts'
import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { methodButton, startRuns, waitForStatus } from './steps.ts'

const library = (page: Page) => page.getByRole('grid', { name: 'Library' })

/** Has an adapter of each of these sample tasks in the library, however many tests ran before. */
async function ensureAdapters(page: Page, tasks: string[]): Promise<void> {
  await ensureSamples(page)
  await goTo(page, '#/library?kind=adapter')
  for (const dataset of tasks) {
    await goTo(page, '#/library?kind=adapter')
    await expect(page.getByText(/\d+ of \d+/).first()).toBeVisible()
    if (
      (await library(page)
        .getByRole('link', { name: `seq_bn · ${dataset}`, exact: true })
        .count()) > 0
    )
      continue
    await startRuns(page, { dataset, methods: ['Adapter (Pfeiffer)'], epochs: 1 })
    await waitForStatus(page, 'Finished')
  }
}

test('adapters that were trained are in the library, and are fused into a run on another task', async ({
  app: page,
}) => {
  await ensureAdapters(page, ['reviews', 'questions'])
  await startRuns(page, { dataset: 'support', methods: ['Adapter (Pfeiffer)'], epochs: 1 })
  await waitForStatus(page, 'Finished')
  await expect(page.getByRole('img', { name: /Validation score \(%\) over layers without/ })).toBeVisible()
  await expect(page.getByRole('img', { name: /Time of one text \(ms\) over layers/ })).toBeVisible()

  await test.step('they are listed with what they are', async () => {
    await goTo(page, '#/library?kind=adapter')
    const row = library(page).getByRole('row', { name: /seq_bn · reviews Adapter/ })
    await expect(row).toContainText('Adapter')
    await expect(row).toContainText('starter')
    await expect(row).toContainText('19,248')
    await expect(row).toContainText(/accuracy \d+\.\d/)
  })

  await test.step('a fusion asks for adapters and takes them in order', async () => {
    await goTo(page, '#/runs/new')
    await page.getByLabel('Dataset', { exact: true }).selectOption({ label: 'support' })
    await methodButton(page, 'AdapterFusion (attention)').click()
    const start = page.getByRole('button', { name: 'Start', exact: true })
    await expect(start).toBeDisabled()
    const picker = page.getByRole('group', { name: 'Adapters to build on' })
    await picker.getByRole('checkbox', { name: 'seq_bn · reviews', exact: true }).check()
    await picker.getByRole('checkbox', { name: 'seq_bn · questions', exact: true }).check()
    await picker.getByRole('button', { name: 'Move seq_bn · questions up' }).click()
    await expect(picker.getByRole('listitem').first()).toContainText('seq_bn · questions')
    await expect(page.getByText(/MFLOP forward/)).toBeVisible()
    await page.getByLabel('Epochs').fill('1')
    await page.getByLabel('Epochs').blur()
    await start.click()
    await expect(page).toHaveURL(/#\/runs\/[0-9a-f]+$/)
    await waitForStatus(page, 'Finished')
  })

  await test.step('the run shows how much each adapter counts', async () => {
    await expect(
      page.getByRole('img', { name: /Mean weight \(%\) by layer and adapter\. 0: most seq_bn/ }),
    ).toBeVisible()
    await expect(page.getByRole('region', { name: 'Pruned fusion' })).toContainText('2 (all)')
    await expect(page.getByRole('region', { name: 'Pruned fusion' })).toContainText('Time of one text')
    await expect(page.getByRole('link', { name: 'seq_bn · questions' })).toBeVisible()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Fusion weights as CSV' }).click()
    expect((await download).suggestedFilename()).toMatch(/\.csv$/)
  })

  await test.step('in a comparison, what it listens to in one text stands beside the mean', async () => {
    const run = new URL(page.url()).hash.slice('#/runs/'.length)
    await goTo(page, `#/compare?runs=${run}`)
    const panel = page.getByRole('region', { name: 'What a fusion listens to in one text' })
    const map = (title: RegExp) => panel.getByRole('img', { name: title })
    await expect(map(/^Mean weight \(%\) by adapter and layer/)).toHaveCount(1)
    await panel.getByLabel('Text', { exact: true }).fill('My parcel came late and broken')
    await page.keyboard.press('ControlOrMeta+Enter')
    await expect(map(/^Mean weight \(%\) by adapter and layer/)).toHaveCount(2)
    await expect(panel.getByRole('heading', { name: 'In this text' })).toBeVisible()
    await expect(panel.getByRole('table').getByRole('row')).toHaveCount(6)
    await expect(page).toHaveURL(/example=My\+parcel/)
    const rows = page.getByRole('region', { name: 'Where they disagree' })
    await rows.getByLabel('Which rows').selectOption('all')
    const pick = rows.getByRole('button', { name: /^What the fusion listens to in: / }).first()
    const text = ((await pick.getAttribute('aria-label')) ?? '').replace(/^.*? in: /, '')
    await pick.click()
    await expect(panel.getByLabel('Text', { exact: true })).toHaveValue(text)
    await expect(panel).toBeFocused()
    await expect(map(/^Mean weight/)).toHaveCount(2)
    await expectPresentable(page, 'a fusion in one text')
    await page.goBack()
    await expect(panel.getByLabel('Text', { exact: true })).toHaveValue('My parcel came late and broken')
  })

  await test.step('what a fusion builds on is not removed, and why is said', async () => {
    await goTo(page, '#/library?q=seq_bn%20·%20reviews&kind=adapter')
    await library(page).getByRole('link', { name: 'seq_bn · reviews', exact: true }).click()
    await expect(page.getByRole('link', { name: /support · fusion/ })).toBeVisible()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await expect(page.getByRole('main').getByRole('alert')).toContainText(/Remove that run first/)
  })
})

test('a stored head is renamed and removed', async ({ app: page }) => {
  await ensureAdapters(page, ['support'])
  await goTo(page, '#/library?kind=head&q=support')
  await library(page).getByRole('link', { name: 'seq_bn head · support', exact: true }).click()
  await page.getByRole('button', { name: 'Rename' }).click()
  await page.getByLabel('Name of the head').fill('my head')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'my head' })).toBeVisible()
  await expect(page).toHaveTitle('my head · Library · Adapter Workbench')
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await expect(page.getByRole('heading', { name: 'my head' })).toBeVisible()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page).toHaveURL(/#\/library$/)
  await expect(library(page).getByRole('link', { name: 'my head' })).toHaveCount(0)
})

test('two tasks are trained together, compared, and tried with a choice of adapters', async ({
  app: page,
}) => {
  await ensureSamples(page)
  await goTo(page, '#/runs/new')
  await page.getByLabel('Dataset', { exact: true }).selectOption({ label: 'reviews' })
  await methodButton(page, 'AdapterDrop (per task and example)').click()
  const together = page.getByRole('group', { name: 'Train together with' })
  await together.getByRole('checkbox', { name: /questions/ }).check()
  await together.getByLabel('Batches are divided').selectOption('Evenly')
  await page.getByLabel('Epochs').fill('1')
  await page.getByLabel('Epochs').blur()
  await page.getByRole('button', { name: 'Start', exact: true }).click()
  await expect(page).toHaveURL(/#\/runs\/[0-9a-f]+$/)
  await waitForStatus(page, 'Finished')
  const tasks = page.getByRole('region', { name: 'Tasks', exact: true }).getByRole('table')
  await expect(tasks.getByRole('row', { name: /questions .*validation/ })).toBeVisible()
  await expect(page.getByRole('region', { name: 'Which adapters are at work' })).toContainText(
    'Most confident head',
  )
  const dropped = page.getByRole('region', { name: 'Layers left out, by task' })
  await expect(dropped.getByRole('row')).toHaveCount(6)
  await expect(dropped.getByRole('columnheader', { name: 'questions' })).toBeVisible()
  await expect(page.getByText('evenly among the tasks')).toBeVisible()

  await page.getByLabel('Task', { exact: true }).selectOption('questions')
  await page.getByLabel('Adapters at work', { exact: true }).first().selectOption('own')
  await page.getByLabel('Text', { exact: true }).fill('Where is the tower?')
  await page.getByRole('button', { name: 'Classify' }).click()
  const answer = page.getByRole('region', { name: 'Try it' })
  await expect(answer.getByRole('rowheader', { name: 'location' })).toBeVisible({ timeout: 60_000 })
})

test('a learning rate of a part and unfrozen layers are in the form and in its run', async ({
  app: page,
}) => {
  await ensureSamples(page)
  await goTo(page, '#/runs/new')
  await methodButton(page, 'Adapter (Pfeiffer)').click()
  await page.getByText('All options').click()
  await page.getByLabel('Learning rate of the head').fill('0.01')
  await page.getByLabel('Learning rate of the head').blur()
  await page.getByText('All settings').click()
  await page.getByLabel('Unfreeze layers').fill('9')
  await page.getByLabel('Unfreeze layers').blur()
  await expect(page.getByText('starter has the layers 0 to 3')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeDisabled()
  await page.getByLabel('Unfreeze layers').fill('3')
  await page.getByLabel('Unfreeze layers').blur()
  await page.getByLabel('Spare biases and norms').check()
  await page.getByLabel('Epochs').fill('1')
  await page.getByLabel('Epochs').blur()
  await page.getByRole('button', { name: 'Start', exact: true }).click()
  await waitForStatus(page, 'Finished')
  await expect(page.getByText('head 0.01')).toBeVisible()
  await expect(page.getByText('layers 3', { exact: true })).toBeVisible()
  await expect(page.getByText(/biases and norms spared/)).toBeVisible()
})
