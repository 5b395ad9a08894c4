import type { Page } from '@playwright/test'

import { expect, test } from './fixtures.ts'
import { tabTo } from './steps.ts'

/** Runs a command from the palette. */
async function command(page: Page, words: string): Promise<void> {
  await page.keyboard.press('ControlOrMeta+k')
  await expect(page.getByRole('combobox')).toBeFocused()
  await page.keyboard.type(words)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('combobox')).toBeHidden()
}

test('the main job without a pointer', async ({ app: page }) => {
  const status = (word: string) => page.locator('main header').first().getByText(word, { exact: true })

  await command(page, 'load the sample tasks')
  await page.keyboard.press('g')
  await page.keyboard.press('d')
  const datasets = page.getByRole('grid', { name: 'Datasets' })
  await expect(datasets.getByText('sample')).toHaveCount(3)

  await tabTo(page, 'grid', 'Datasets')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('grid', { name: 'Rows' })).toBeVisible()
  await tabTo(page, 'link', 'Train on it')
  await page.keyboard.press('Enter')

  await tabTo(page, 'button', 'Adapter (Pfeiffer)')
  await page.keyboard.press('Space')
  await tabTo(page, 'spinbutton', 'Epochs')
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.type('200')
  await tabTo(page, 'button', 'Start')
  await page.keyboard.press('Enter')
  await expect(status('Running')).toBeVisible({ timeout: 60_000 })
  await expect(page.getByText(/epoch [2-9]\d* of 200/)).toBeVisible({ timeout: 60_000 })

  await page.locator('body').press('Space')
  await expect(status('Paused')).toBeVisible({ timeout: 60_000 })
  await page.locator('body').press('Space')
  await expect(status('Running')).toBeVisible({ timeout: 60_000 })

  await page.keyboard.press('g')
  await page.keyboard.press('r')
  const runs = page.getByRole('grid', { name: 'Runs' })
  await expect(runs).toBeVisible()
  await page.keyboard.press('/')
  await expect(page.getByRole('textbox', { name: 'Filter runs' })).toBeFocused()
  await page.keyboard.type('method:seq_bn status:running')
  await expect(runs.getByRole('row')).toHaveCount(2)
  await tabTo(page, 'grid', 'Runs')
  await expect(runs.getByRole('row', { selected: true })).toHaveCount(1)
  await tabTo(page, 'grid', 'Runs')
  await page.keyboard.press('Enter')
  await expect(status('Running')).toBeVisible()

  await command(page, 'stop seq_bn')
  await expect(status('Stopped')).toBeVisible({ timeout: 60_000 })
  await page.keyboard.press('Escape')
  await expect(page).toHaveURL(/#\/runs$/)

  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
})

test('tables are walked, spanned and copied from the keyboard', async ({ app: page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await command(page, 'load the sample tasks')
  await page.keyboard.press('g')
  await page.keyboard.press('d')
  const grid = page.getByRole('grid', { name: 'Datasets' })
  await expect(grid.getByText('sample')).toHaveCount(3)
  await tabTo(page, 'grid', 'Datasets')
  await page.keyboard.press('End')
  await page.keyboard.press('ControlOrMeta+c')
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  const [head, ...rows] = copied.split('\n')
  expect(head?.split('\t').slice(0, 4)).toEqual(['Name', 'Task', 'Labels', 'Rows'])
  expect(rows.length).toBeGreaterThanOrEqual(3)
})

test('focus is always visible', async ({ app: page }) => {
  for (let presses = 0; presses < 12; presses += 1) {
    await page.keyboard.press('Tab')
    const outline = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement ?? document.body)
      return { style: style.outlineStyle, width: Number.parseFloat(style.outlineWidth) }
    })
    expect(outline.style).not.toBe('none')
    expect(outline.width).toBeGreaterThanOrEqual(1)
  }
})
