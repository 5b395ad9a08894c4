import type { Locator, Page } from '@playwright/test'

import { expect, goTo } from './fixtures.ts'

export interface RunSettings {
  dataset: string
  /** By their labels. */
  methods: string[]
  seeds?: string
  /** Takes the settings that the form offers for few rows. */
  smallData?: boolean
  epochs?: number
  name?: string
}

/** What chooses a method on the New run form. */
export function methodButton(page: Page, label: string): Locator {
  return page.getByRole('group', { name: 'Methods' }).getByRole('button', { name: label, exact: true })
}

/** Fills the New run form and starts; ends on the run, or on the list where several were queued. */
export async function startRuns(page: Page, settings: RunSettings): Promise<void> {
  await goTo(page, '#/runs/new')
  await expect(page.getByRole('heading', { name: 'New run' })).toBeAttached()
  await page.getByLabel('Dataset', { exact: true }).selectOption({ label: settings.dataset })
  for (const method of settings.methods) {
    await methodButton(page, method).click()
  }
  if (settings.smallData === true)
    await page.getByRole('button', { name: 'Use settings for small data' }).click()
  if (settings.seeds !== undefined) await page.getByLabel('Seeds').fill(settings.seeds)
  if (settings.epochs !== undefined) {
    await page.getByLabel('Epochs').fill(String(settings.epochs))
    await page.getByLabel('Epochs').blur()
  }
  if (settings.name !== undefined) await page.getByLabel('Name', { exact: true }).fill(settings.name)
  await page.getByRole('button', { name: /^Start( \d+ runs)?$/ }).click()
  await expect(page).toHaveURL(/#\/runs(\/[0-9a-f]+)?$/)
}

/** Waits until the run or experiment that is shown has a status. */
export async function waitForStatus(page: Page, status: string, timeout = 180_000): Promise<void> {
  await expect(page.locator('main header').first().getByText(status, { exact: true })).toBeVisible({
    timeout,
  })
}

/** Presses Tab until the focus is on an element of that accessible name. */
export async function tabTo(
  page: Page,
  role: Parameters<Page['getByRole']>[0],
  name: string | RegExp,
): Promise<void> {
  const target = page.getByRole(role, { name, exact: typeof name === 'string' }).first()
  await expect(target).toBeVisible()
  for (let presses = 0; presses < 200; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never reached ${role} ${String(name)}`)
}
