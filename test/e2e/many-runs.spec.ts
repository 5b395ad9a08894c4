import type { Page } from '@playwright/test'

import { expect, goTo, test } from './fixtures.ts'

test.use({ prepared: true, moreRuns: 5000 })

const table = (page: Page) => page.getByRole('grid', { name: 'Runs', exact: true })

interface Seen {
  /** Rows in the document. */
  rows: number
  /** The whole height of what is in view is covered by rows. */
  isFilled: boolean
  /** Index of the row in the middle of the view, and the one that belongs there. */
  middle: number
  expected: number
}

/** Scrolls to these shares of the table, one in each frame, and tells what was to be seen in the frame after. */
function scrollThrough(page: Page, shares: readonly number[]): Promise<Seen[]> {
  return table(page).evaluate(async (grid, wanted) => {
    const scroller = grid.parentElement
    if (scroller === null) throw new Error('the table does not scroll')
    const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve))
    const seen = []
    for (const share of wanted) {
      scroller.scrollTop = share * (scroller.scrollHeight - scroller.clientHeight)
      await nextFrame()
      await nextFrame()
      const view = scroller.getBoundingClientRect()
      const rows = [...grid.querySelectorAll('tbody tr:not(.spacer)')]
      const boxes = rows.map((row) => row.getBoundingClientRect())
      const [first, last] = [boxes[0], boxes.at(-1)]
      const middle = view.top + view.height / 2
      const at = boxes.findIndex(({ top, bottom }) => top <= middle && bottom > middle)
      const head = grid.querySelector('thead')?.getBoundingClientRect().height ?? 0
      const height = boxes[0]?.height ?? 1
      seen.push({
        rows: rows.length,
        isFilled:
          first !== undefined &&
          last !== undefined &&
          first.top <= view.top + head + 1 &&
          last.bottom >= view.bottom - 20,
        middle: Number(rows[at]?.getAttribute('aria-rowindex')) - 2,
        expected: Math.floor((scroller.scrollTop + view.height / 2 - head) / height),
      })
    }
    return seen
  }, shares)
}

test('thousands of runs are scrolled through with few rows in the document and none missing', async ({
  app: page,
}) => {
  await goTo(page, '#/runs')
  await expect(page.getByText('5,057 of 5,057')).toBeVisible()
  await expect(table(page).getByRole('row').nth(1)).toBeVisible()
  // In small steps as a wheel does, in leaps as the scroll bar does, and back.
  const steps = Array.from({ length: 30 }, (_, step) => step * 0.0005)
  const leaps = [0.13, 0.9, 0.4, 1, 0.6, 0.02, 0]
  const seen = await scrollThrough(page, [...steps, ...leaps])
  expect(seen.filter(({ isFilled }) => !isFilled)).toEqual([])
  expect(seen.filter(({ middle, expected }) => middle !== expected)).toEqual([])
  expect(Math.max(...seen.map(({ rows }) => rows))).toBeLessThan(60)
})

test('the ends of thousands of runs are a key away, and sorted and filtered all are meant', async ({
  app: page,
}) => {
  await goTo(page, '#/runs?sort=name&order=asc')
  await table(page).focus()
  await page.keyboard.press('End')
  const selected = table(page).getByRole('row', { selected: true })
  await expect(selected).toHaveAttribute('aria-rowindex', '5058')
  await expect(selected).toContainText('trec · seq_bn')
  await page.keyboard.press('Home')
  await expect(selected).toContainText('sst · adapter_drop_robust')
  await page.keyboard.press('ControlOrMeta+a')
  await expect(page.getByText('5,057 selected')).toBeVisible()
  await page.keyboard.press('Escape')
  await page.getByLabel('Filter runs').fill('method:fusion seed:1004')
  await expect(page.getByText('1 of 5,057')).toBeVisible()
  await expect(table(page).getByRole('row')).toHaveCount(2)
  await page.getByLabel('Filter runs').fill('')
  await page.getByLabel('Group by').selectOption('method')
  await expect(table(page).getByRole('row')).toHaveCount(10)
})
