import type { Page } from '@playwright/test'

import { expectAccessible, expectUncut } from './checks.ts'
import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { startRuns, tabTo, waitForStatus } from './steps.ts'

/** A form with a method that builds on adapters, and one that trains several datasets. */
const combined = {
  variants: ['fusion', 'task_drop'].map((method) => ({ key: method, method, options: {} })),
}

interface Screen {
  hash: string
  /** What has to be there before it is looked at. */
  ready: RegExp
  /** What one comes for; the keyboard reaches it. */
  action?: [role: Parameters<Page['getByRole']>[0], name: string | RegExp]
}

/** Goes to the first of a list and tells where that is. */
async function firstOf(page: Page, list: string, grid: string): Promise<string> {
  await goTo(page, list)
  await page.getByRole('grid', { name: grid }).getByRole('link').first().click()
  await expect(page).toHaveURL(/#\/[a-z]+\/[^/?]+$/)
  return new URL(page.url()).hash
}

/** An experiment that is kept for later, and where it is. */
async function keepExperiment(page: Page): Promise<string> {
  await goTo(page, '#/experiments/new')
  await page.getByRole('button', { name: 'Keep for later' }).click()
  await expect(page).toHaveURL(/#\/experiments\/(?!new)[^/?]+$/)
  return new URL(page.url()).hash
}

async function prepareScreens(page: Page): Promise<Screen[]> {
  await ensureSamples(page)
  const dataset = await firstOf(page, '#/datasets?q=reviews', 'Datasets')
  const experiment = await keepExperiment(page)
  await startRuns(page, { dataset: 'reviews', methods: ['Adapter (Pfeiffer)'], epochs: 1 })
  await waitForStatus(page, 'Finished')
  const run = new URL(page.url()).hash
  await expect(page.getByRole('img', { name: /Validation score \(%\) over layers/ })).toBeVisible()
  const adapter = await firstOf(page, '#/library?kind=adapter', 'Library')
  const model = await firstOf(page, '#/models', 'Models')
  const runId = run.slice('#/runs/'.length)
  return [
    { hash: '#/', ready: /Last runs/, action: ['link', 'All runs'] },
    { hash: '#/datasets', ready: /reviews/, action: ['link', 'Import'] },
    { hash: '#/datasets/import', ready: /Choose files/, action: ['textbox', 'Path of a file'] },
    { hash: dataset, ready: /How it was read/, action: ['link', 'Train on it'] },
    { hash: `${dataset}/balance`, ready: /Validation \(/ },
    { hash: `${dataset}/lengths`, ready: /Train with/, action: ['link', /^Train with/] },
    { hash: `${dataset}/rejected`, ready: /rejected/ },
    { hash: `${dataset}/files`, ready: /Read as/ },
    { hash: '#/models', ready: /starter/, action: ['button', 'Add a folder'] },
    { hash: '#/models?add=1', ready: /Hugging Face/, action: ['textbox', /^Folder/] },
    { hash: model, ready: /Tokenizer/, action: ['grid', 'Tensors'] },
    { hash: '#/builder', ready: /One block/, action: ['switch', 'Adapter at the attention'] },
    { hash: '#/runs/new', ready: /Choose one method/, action: ['button', 'Adapter (Pfeiffer)'] },
    { hash: `#/runs/new?from=${runId}`, ready: /All options/, action: ['button', 'Start'] },
    {
      hash: `#/runs/new?draft=${encodeURIComponent(JSON.stringify(combined))}`,
      ready: /Train together with/,
    },
    { hash: '#/experiments', ready: /Waiting|Ready/, action: ['link', 'New experiment'] },
    { hash: '#/experiments/new', ready: /Every run, in order/, action: ['button', /^Start \d+ runs$/] },
    { hash: experiment, ready: /Ready/, action: ['button', 'Rename'] },
    { hash: '#/experiments/none', ready: /no experiment/, action: ['link', 'All experiments'] },
    { hash: '#/runs', ready: /seq_bn/, action: ['grid', 'Runs'] },
    { hash: '#/runs?group=variant', ready: /seq_bn/, action: ['combobox', /^Group by/] },
    { hash: run, ready: /Confusion/, action: ['textbox', 'Text'] },
    { hash: '#/runs/none', ready: /no run/ },
    { hash: '#/compare', ready: /Choose variants/, action: ['button', /^Compare all/] },
    { hash: `#/compare?runs=${runId}`, ready: /Learning curves/, action: ['button', 'Report (HTML)'] },
    { hash: '#/compare?runs=none', ready: /any more/, action: ['link', 'Choose what to compare'] },
    { hash: '#/library', ready: /seq_bn/, action: ['grid', 'Library'] },
    { hash: '#/library?q=nothing', ready: /fits the filter/, action: ['button', 'Clear the filter'] },
    { hash: adapter, ready: /Tensors/, action: ['button', 'Rename'] },
    { hash: '#/library/none', ready: /no stored adapter/ },
    { hash: '#/settings', ready: /auto takes it/, action: ['button', /^Measure/] },
    { hash: '#/nowhere', ready: /leads nowhere/, action: ['link', 'Go to the overview'] },
  ]
}

let prepared: Promise<Screen[]> | undefined

/** Every screen, each with something on it. What that takes is there for all tests of this file. */
function everyScreen(page: Page): Promise<Screen[]> {
  prepared ??= prepareScreens(page)
  return prepared
}

async function show(page: Page, { hash, ready }: Screen): Promise<void> {
  await goTo(page, hash)
  await expect(page.getByText(ready).first()).toBeVisible()
}

for (const theme of ['dark', 'light'] as const) {
  test(`every screen is clean in the ${theme} theme`, async ({ app: page }) => {
    await page.emulateMedia({ colorScheme: theme })
    for (const screen of await everyScreen(page)) {
      await show(page, screen)
      await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
      await expectAccessible(page, `${screen.hash} in ${theme}`)
    }
    await page.keyboard.press('Escape')
    await page.keyboard.press('ControlOrMeta+k')
    await expect(page.getByRole('combobox')).toBeFocused()
    await expectAccessible(page, `the palette in ${theme}`)
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible()
    await expectAccessible(page, `the shortcuts in ${theme}`)
  })
}

test('no screen that the rail leads to is left out here', async ({ app: page }) => {
  const listed = (await everyScreen(page)).map(({ hash }) => hash)
  const links = await page.getByRole('navigation').first().getByRole('link').all()
  const led = await Promise.all(links.map((link) => link.getAttribute('href')))
  expect(led.length).toBeGreaterThan(8)
  expect(led.filter((href) => href !== null && !listed.includes(href))).toEqual([])
})

test('what a screen is for is reached by the keyboard', async ({ app: page }) => {
  for (const screen of await everyScreen(page)) {
    if (screen.action === undefined) continue
    await test.step(screen.hash, async () => {
      await page.keyboard.press('Escape')
      await show(page, screen)
      await page.evaluate(() => {
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
      })
      await tabTo(page, ...(screen.action ?? ['main', '']))
    })
  }
})

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
  const screens = await everyScreen(page)
  await page.setViewportSize({ width: 1024, height: 768 })
  for (const screen of screens) {
    await show(page, screen)
    await expectUncut(page, `${screen.hash} at 1024 pixels`)
  }
})
