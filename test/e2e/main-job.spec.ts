import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, goTo, test } from './fixtures.ts'
import { startRuns, waitForStatus } from './steps.ts'
import { reviewsCsv } from './texts.ts'

test('import, train, watch, stop, resume, and find the run again after the server was restarted', async ({
  app: page,
  workbench,
}) => {
  const file = join(workbench.home, 'moods.csv')
  await writeFile(file, reviewsCsv(2400))

  await test.step('import with a preview', async () => {
    await goTo(page, '#/datasets/import')
    await page.getByLabel('Path of a file').fill(file)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    const preview = page.getByRole('region', { name: 'moods.csv', exact: true })
    await expect(preview.getByText(/Columns, comma between/)).toBeVisible()
    await expect(preview.getByRole('cell', { name: 'good' }).first()).toBeVisible()
    await page.getByLabel('Test', { exact: true }).fill('10')
    await page.getByLabel('Test', { exact: true }).blur()
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await expect(page.getByRole('heading', { name: 'moods' })).toBeVisible()
    await expect(page.getByRole('link', { name: /Rows 2,400/ })).toBeVisible()
  })

  await test.step('train and watch', async () => {
    await startRuns(page, { dataset: 'moods', methods: ['Adapter (Pfeiffer)'], epochs: 12 })
    await waitForStatus(page, 'Running')
    await expect(page.getByRole('img', { name: /Cross-entropy over step\. .*train: [2-9]/ })).toBeVisible()
    await expect(page.getByRole('img', { name: /Score \(%\) over epoch\. Accuracy/ })).toBeVisible()
    await expect(page.getByRole('contentinfo')).toContainText('1 running')
  })
  const address = page.url()

  await test.step('stop', async () => {
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await waitForStatus(page, 'Stopped')
  })

  await test.step('resume, and it goes on from where it was', async () => {
    await page.getByRole('button', { name: 'Resume', exact: true }).click()
    await waitForStatus(page, 'Running')
    await expect(page.getByText(/epoch \d+ of 12/)).toBeVisible()
  })

  await test.step('pause, restart the server, resume and finish', async () => {
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    await waitForStatus(page, 'Paused')
    await workbench.stop()
    await workbench.start()
    await page.goto(workbench.url)
    await expect(page.getByRole('region', { name: 'Running and queued' }).getByText('Paused')).toBeVisible()
    await page.goto(address)
    await page.getByRole('button', { name: 'Resume', exact: true }).click()
    await waitForStatus(page, 'Finished')
  })

  await test.step('the result is there, and again after another restart', async () => {
    await workbench.stop()
    await workbench.start()
    await page.goto(workbench.url)
    await expect(page.getByRole('contentinfo')).toContainText('onnxruntime')
    await goTo(page, '#/runs')
    const row = page.getByRole('grid', { name: 'Runs' }).getByRole('row', { name: /moods · seq_bn/ })
    await expect(row).toContainText('Finished')
    await row.getByRole('link').click()
    await expect(page.getByText('Yes: the same SHA-256 before and after')).toBeVisible()
    await expect(page.getByRole('grid', { name: 'Confusion on the test split' })).toBeVisible()
    await expect(page.getByRole('log')).not.toBeEmpty()
  })

  await test.step('the trained model answers', async () => {
    await page.getByLabel('Text', { exact: true }).fill('The soup was wonderful')
    await page.getByRole('button', { name: 'Classify' }).click()
    const answer = page.getByRole('region', { name: 'Try it' })
    await expect(answer.getByRole('rowheader', { name: 'good' })).toBeVisible({ timeout: 60_000 })
  })
})

test('several methods and seeds are queued at once and fold into variants', async ({ app: page }) => {
  await goTo(page, '#/datasets')
  await page.getByRole('button', { name: 'Load the sample tasks' }).first().click()
  await expect(page.getByRole('grid', { name: 'Datasets' }).getByText('sample')).toHaveCount(3)
  await startRuns(page, {
    dataset: 'reviews',
    methods: ['Head only', 'Adapter (Pfeiffer)'],
    seeds: '1, 2',
    epochs: 1,
  })
  const grid = page.getByRole('grid', { name: 'Runs' })
  await goTo(page, '#/runs?q=dataset:reviews%20status:finished')
  await expect(grid.getByRole('row')).toHaveCount(5, { timeout: 180_000 })
  await page.getByLabel('Group by').selectOption('variant')
  await expect(grid.getByRole('row', { name: /head/ })).toContainText('±')
  await page.getByRole('button', { name: /Unfold the seeds of .*head/ }).click()
  await expect(grid.getByRole('row', { name: /head.*seed [12]/ })).toHaveCount(2)
})

test('a run can be cloned with its settings', async ({ app: page }) => {
  await goTo(page, '#/runs?q=seq_bn')
  await page.getByRole('grid', { name: 'Runs' }).getByRole('link').first().click()
  await page.getByRole('link', { name: 'Clone' }).click()
  await expect(page.getByRole('region', { name: /Pfeiffer/ })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeEnabled()
})
