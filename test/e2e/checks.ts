import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'

import { isDesktop } from '../shell/desktop-host.ts'
import { expect } from './fixtures.ts'

/** Fails where assistive technology would stumble over the screen as it is. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(isDesktop).analyze()
  const found = violations.map(
    ({ id, help, nodes }) => `${id}: ${help} ${nodes.map((node) => node.html).join(' ')}`,
  )
  expect(found, what).toEqual([])
}

/** Looks at the screen in both themes, and at 1024 pixels, where nothing may be cut off. */
export async function expectPresentable(page: Page, what: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
    await expectAccessible(page, `${what} in ${theme}`)
  }
  const before = page.viewportSize()
  await page.setViewportSize({ width: 1024, height: 768 })
  await expectUncut(page, `${what} at 1024 pixels`)
  if (before !== null) await page.setViewportSize(before)
}

/** Fails where something is wider than the window, so that one would have to scroll sideways. */
export async function expectUncut(page: Page, what: string): Promise<void> {
  const overflow = await page.evaluate(() => {
    const main = document.querySelector('main')
    return {
      page: document.documentElement.scrollWidth - innerWidth,
      main: (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0),
    }
  })
  expect(overflow, what).toEqual({ page: 0, main: 0 })
}
