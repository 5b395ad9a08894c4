import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { startRuns } from './steps.ts'

const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))

test('pictures of every screen in both themes', async ({ app: page }) => {
  test.setTimeout(600_000)
  mkdirSync(folder, { recursive: true })
  await ensureSamples(page)
  await startRuns(page, {
    dataset: 'questions',
    methods: ['Head only', 'Adapter (Pfeiffer)', 'Adapter (Houlsby)', 'Full fine-tuning'],
    smallData: true,
    seeds: '1-2',
    epochs: 12,
  })
  await goTo(page, '#/runs?q=dataset:questions%20status:finished')
  await expect(page.getByRole('grid', { name: 'Runs' }).getByRole('row')).toHaveCount(9, {
    timeout: 400_000,
  })
  await startRuns(page, {
    dataset: 'support',
    methods: ['Adapter (Pfeiffer)'],
    smallData: true,
    seeds: '1-2',
    epochs: 200,
  })
  await goTo(page, '#/runs?q=dataset:support%20status:running')
  await page.getByRole('grid', { name: 'Runs' }).getByRole('link').first().click()
  await expect(page.getByText(/epoch [3-9]\d* of/)).toBeVisible({ timeout: 60_000 })
  const live = new URL(page.url()).hash
  await goTo(page, '#/runs?q=method:double_seq_bn')
  await page.getByRole('grid', { name: 'Runs' }).getByRole('link').first().click()
  await expect(page.getByRole('heading', { name: /double_seq_bn/ })).toBeVisible()
  const run = new URL(page.url()).hash
  await goTo(page, '#/datasets?q=question')
  await page.getByRole('grid', { name: 'Datasets' }).getByRole('link').first().click()
  await expect(page.getByRole('grid', { name: 'Rows' })).toBeVisible()
  const dataset = new URL(page.url()).hash
  await goTo(page, '#/models')
  await page.getByRole('link', { name: 'starter' }).first().click()
  await expect(page.getByRole('grid', { name: 'Tensors' })).toBeVisible()
  const model = new URL(page.url()).hash

  await expect(page.getByRole('button', { name: 'Dismiss' })).toHaveCount(0)
  await page.mouse.move(700, 4)

  const views: [name: string, hash: string][] = [
    ['overview', '#/'],
    ['datasets', '#/datasets'],
    ['dataset-rows', dataset],
    ['dataset-balance', `${dataset}/balance`],
    ['dataset-lengths', `${dataset}/lengths?at=24`],
    ['models', '#/models'],
    ['model', model],
    ['new-run', `#/runs/new?from=${run.slice('#/runs/'.length)}`],
    ['runs', '#/runs?sort=accuracy&order=desc'],
    ['runs-variants', '#/runs?sort=accuracy&order=desc&group=variant'],
    ['run', run],
    ['run-live', live],
    ['settings', '#/settings'],
  ]
  for (const theme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    for (const [name, hash] of views) {
      await goTo(page, hash)
      await page.waitForLoadState('networkidle')
      // Charts draw in the frame after their figures came.
      await page.waitForTimeout(700)
      await page.screenshot({ path: `${folder}${name}-${theme}.png` })
    }
  }
})
