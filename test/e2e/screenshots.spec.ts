import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import type { Page } from '@playwright/test'

import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { startRuns, waitForStatus } from './steps.ts'

const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))

interface View {
  name: string
  hash: string
  /** What stands at the top of the picture; the top of the screen where left out. */
  from?: { role: 'heading' | 'region'; name: string }
}

/** Goes to the first link of a list and tells where that leads. */
async function firstOf(page: Page, list: string, grid: string): Promise<string> {
  await goTo(page, list)
  await page.getByRole('grid', { name: grid }).getByRole('link').first().click()
  await expect(page).toHaveURL(/#\/[a-z]+\/[^/?]+$/)
  return new URL(page.url()).hash
}

/** Runs the default experiment on the sample tasks to its end. */
async function runDefaultExperiment(page: Page): Promise<string> {
  await goTo(page, '#/experiments/new')
  await page.getByRole('button', { name: /^Start \d+ runs$/ }).click()
  await expect(page).toHaveURL(/#\/experiments\/(?!new)[^/?]+$/)
  const hash = new URL(page.url()).hash
  await waitForStatus(page, 'Finished', 7_000_000)
  return hash
}

/** A run that is still going, several epochs on. */
async function startLive(page: Page): Promise<string> {
  await startRuns(page, {
    dataset: 'support',
    methods: ['Adapter (Pfeiffer)'],
    smallData: true,
    seeds: '1-2',
    epochs: 200,
  })
  const live = await firstOf(page, '#/runs?q=dataset:support%20status:running', 'Runs')
  await expect(page.getByText(/epoch [3-9]\d* of/)).toBeVisible({ timeout: 120_000 })
  return live
}

async function views(page: Page): Promise<View[]> {
  await ensureSamples(page)
  const experiment = await runDefaultExperiment(page)
  await startRuns(page, {
    dataset: 'questions',
    methods: ['Adapter (Houlsby)'],
    smallData: true,
    epochs: 12,
  })
  await waitForStatus(page, 'Finished')
  const run = new URL(page.url()).hash
  const dataset = await firstOf(page, '#/datasets?q=question', 'Datasets')
  const model = await firstOf(page, '#/models', 'Models')
  const fusion = await firstOf(page, '#/runs?q=method:fusion%20dataset:questions', 'Runs')
  const live = await startLive(page)
  const compare = `#/compare?experiment=${experiment.slice('#/experiments/'.length)}`
  const heading = (name: string) => ({ role: 'heading', name }) as const
  return [
    { name: 'overview', hash: '#/' },
    { name: 'datasets', hash: '#/datasets' },
    { name: 'dataset-rows', hash: dataset },
    { name: 'dataset-balance', hash: `${dataset}/balance` },
    { name: 'dataset-lengths', hash: `${dataset}/lengths?at=24` },
    { name: 'models', hash: '#/models' },
    { name: 'model', hash: model },
    { name: 'builder', hash: '#/builder' },
    { name: 'new-run', hash: `#/runs/new?from=${run.slice('#/runs/'.length)}` },
    { name: 'new-experiment', hash: '#/experiments/new' },
    { name: 'experiments', hash: '#/experiments' },
    { name: 'experiment', hash: experiment },
    { name: 'runs', hash: '#/runs?sort=accuracy&order=desc' },
    { name: 'runs-variants', hash: '#/runs?sort=accuracy&order=desc&group=variant' },
    { name: 'run', hash: run },
    { name: 'run-fusion', hash: fusion, from: heading('Fusion weights') },
    { name: 'run-live', hash: live },
    { name: 'compare', hash: compare },
    { name: 'compare-cost', hash: compare, from: heading('Parameters and score') },
    { name: 'compare-drop', hash: compare, from: heading('Quality by layers left out') },
    { name: 'compare-mask', hash: compare, from: heading('Mask predictor') },
    { name: 'compare-classes', hash: compare, from: heading('F1 of each class') },
    {
      name: 'compare-text',
      hash: `${compare}&example=Who%20invented%20the%20telephone%3F`,
      from: heading('What a fusion listens to in one text'),
    },
    { name: 'library', hash: '#/library' },
    { name: 'settings', hash: '#/settings' },
  ]
}

test('pictures of every screen in both themes', async ({ app: page }) => {
  test.setTimeout(7_200_000)
  mkdirSync(folder, { recursive: true })
  const all = await views(page)
  await expect(page.getByRole('button', { name: 'Dismiss' })).toHaveCount(0)
  await page.mouse.move(700, 4)
  for (const theme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    for (const { name, hash, from } of all) {
      await goTo(page, hash)
      await page.waitForLoadState('networkidle')
      if (from !== undefined) {
        const start = page.getByRole(from.role, { name: from.name, exact: true })
        await expect(start).toBeVisible()
        // Below the legend, which stays at the top.
        await start.evaluate((element) => {
          element.scrollIntoView({ block: 'start' })
          document.querySelector('main')?.scrollBy(0, -64)
        })
      }
      // Charts draw in the frame after their figures came.
      await page.waitForTimeout(1500)
      await page.screenshot({ path: `${folder}${name}-${theme}.png` })
    }
  }
})
