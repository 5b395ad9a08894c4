import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'

import { isDesktop } from '../shell/desktop-host.ts'
import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { startRuns, waitForStatus } from './steps.ts'

async function expectClean(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(isDesktop).analyze()
  const found = violations.map(
    ({ id, help, nodes }) => `${id}: ${help} ${nodes.map((node) => node.html).join(' ')}`,
  )
  expect(found, what).toEqual([])
}

/** A form with a method that builds on adapters, and one that trains several datasets. */
const combined = {
  variants: ['fusion', 'task_drop'].map((method) => ({ key: method, method, options: {} })),
}

/** Addresses of every screen, with what has to be there before it is looked at. */
async function screens(page: Page): Promise<[hash: string, ready: RegExp][]> {
  await ensureSamples(page)
  await goTo(page, '#/datasets?q=reviews')
  await page.getByRole('grid', { name: 'Datasets' }).getByRole('link').first().click()
  await expect(page).toHaveURL(/#\/datasets\/[^/?]+$/)
  const dataset = new URL(page.url()).hash
  await startRuns(page, { dataset: 'reviews', methods: ['Adapter (Pfeiffer)'], epochs: 1 })
  await waitForStatus(page, 'Finished')
  const run = new URL(page.url()).hash
  await expect(page.getByRole('img', { name: /Validation score \(%\) over layers/ })).toBeVisible()
  await goTo(page, '#/library?kind=adapter')
  await page.getByRole('grid', { name: 'Library' }).getByRole('link').first().click()
  await expect(page).toHaveURL(/#\/library\/[^/?]+$/)
  const adapter = new URL(page.url()).hash
  await goTo(page, '#/models')
  await page.getByRole('link', { name: 'starter' }).first().click()
  await expect(page).toHaveURL(/#\/models\/[^/?]+$/)
  const model = new URL(page.url()).hash
  return [
    ['#/', /Last runs/],
    ['#/datasets', /reviews/],
    ['#/datasets/import', /Choose files/],
    [dataset, /How it was read/],
    [`${dataset}/balance`, /Validation \(/],
    [`${dataset}/lengths`, /Train with/],
    [`${dataset}/rejected`, /rejected/],
    [`${dataset}/files`, /Read as/],
    ['#/models', /starter/],
    ['#/models?add=1', /Hugging Face/],
    [model, /Tokenizer/],
    ['#/runs/new', /Choose one method/],
    [`#/runs/new?from=${run.slice('#/runs/'.length)}`, /All options/],
    [`#/runs/new?draft=${encodeURIComponent(JSON.stringify(combined))}`, /Train together with/],
    ['#/library', /seq_bn/],
    ['#/library?q=nothing', /fits the filter/],
    [adapter, /Tensors/],
    ['#/library/none', /no stored adapter/],
    ['#/settings', /auto takes it/],
    ['#/runs', /seq_bn/],
    ['#/runs?group=variant', /seq_bn/],
    [run, /Confusion/],
    ['#/runs/none', /no run/],
    ['#/nowhere', /leads nowhere/],
  ]
}

for (const theme of ['dark', 'light'] as const) {
  test(`every screen is clean in the ${theme} theme`, async ({ app: page }) => {
    await page.emulateMedia({ colorScheme: theme })
    for (const [hash, ready] of await screens(page)) {
      await goTo(page, hash)
      await expect(page.getByText(ready).first()).toBeVisible()
      await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
      await expectClean(page, `${hash} in ${theme}`)
    }
    await page.keyboard.press('Escape')
    await page.keyboard.press('ControlOrMeta+k')
    await expect(page.getByRole('combobox')).toBeFocused()
    await expectClean(page, `the palette in ${theme}`)
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible()
    await expectClean(page, `the shortcuts in ${theme}`)
  })
}

test('the theme follows the system until one is chosen', async ({ app: page }) => {
  const html = page.locator('html')
  await page.emulateMedia({ colorScheme: 'light' })
  await expect(html).toHaveAttribute('data-theme', 'light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await expect(html).toHaveAttribute('data-theme', 'dark')
  await page.getByRole('button', { name: 'Switch to the light theme' }).click()
  await expect(html).toHaveAttribute('data-theme', 'light')
  await page.reload()
  await expect(html).toHaveAttribute('data-theme', 'light')
})

test('nothing is cut off at 1024 pixels', async ({ app: page }) => {
  await page.setViewportSize({ width: 1024, height: 768 })
  for (const hash of [
    '#/',
    '#/datasets',
    '#/datasets/import',
    '#/models',
    '#/runs/new',
    '#/runs',
    '#/library',
    '#/settings',
  ]) {
    await goTo(page, hash)
    const overflow = await page.evaluate(() => {
      const main = document.querySelector('main')
      return {
        page: document.documentElement.scrollWidth - innerWidth,
        main: (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0),
      }
    })
    expect(overflow, hash).toEqual({ page: 0, main: 0 })
  }
})
