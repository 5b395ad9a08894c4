import { readFile } from 'node:fs/promises'

import type { Page } from '@playwright/test'

import { expectPresentable } from './checks.ts'
import { expect, goTo, test } from './fixtures.ts'

test.use({ prepared: true })

/** Compares everything that has finished on trec. */
async function compareTrec(page: Page): Promise<void> {
  await goTo(page, '#/compare')
  await page
    .getByRole('region', { name: 'trec', exact: true })
    .getByRole('button', { name: /^Compare all/ })
    .click()
  await expect(page.getByRole('region', { name: 'Summary', exact: true })).toBeVisible()
}

const chart = (page: Page, name: RegExp) => page.getByRole('img', { name })

test('variants are chosen, compared and answered in words', async ({ app: page }) => {
  await goTo(page, '#/compare')
  await expect(page.getByRole('button', { name: 'Compare selected' })).toBeDisabled()
  const sst = page.getByRole('region', { name: 'sst', exact: true })
  await sst.getByRole('checkbox', { name: 'mam', exact: true }).check()
  await sst.getByRole('checkbox', { name: 'head', exact: true }).check()
  await page.getByRole('button', { name: 'Compare 6 runs' }).click()
  const table = page.getByRole('region', { name: 'Summary table' })
  await expect(table.getByRole('row')).toHaveCount(3)
  await expect(table.getByRole('row', { name: /mam/ })).toContainText('best')
  await expect(page.getByText(/On sst, mam scores highest/)).toBeVisible()
  await expect(page.getByText('1 pair tested on the same rows')).toBeVisible()
  await table.getByRole('link', { name: '3 runs' }).first().click()
  await expect(table.getByRole('row')).toHaveCount(4)
})

test('a variant that is hidden once is hidden in every chart, and stays so in the address', async ({
  app: page,
}) => {
  await compareTrec(page)
  await expect(chart(page, /against trained parameters\..*head:/)).toBeVisible()
  await expect(chart(page, /^Accuracy \(%\) of each run\..*head:/)).toBeVisible()
  await page
    .getByRole('group', { name: 'Shown in every chart' })
    .getByRole('button', { name: 'head' })
    .click()
  await expect(page).toHaveURL(/hide=/)
  await expect(chart(page, /against trained parameters\..*head:/)).toHaveCount(0)
  await expect(chart(page, /^Accuracy \(%\) of each run\..*head:/)).toHaveCount(0)
  await page.reload()
  await expect(page.getByRole('checkbox', { name: 'Show head', exact: true })).not.toBeChecked()
  await page.getByRole('button', { name: 'Show all' }).click()
  await expect(chart(page, /against trained parameters\..*head:/)).toBeVisible()
})

test('what is brushed is kept, in every chart', async ({ app: page }) => {
  await compareTrec(page)
  const points = chart(page, /against trained parameters/)
  await points.scrollIntoViewIfNeeded()
  const box = await points.boundingBox()
  if (box === null) throw new Error('the chart is not there')
  // The right half: what trains many parameters.
  await page.mouse.move(box.x + box.width * 0.55, box.y + 14)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.9, box.y + box.height - 60, { steps: 4 })
  await page.mouse.up()
  await expect(page).toHaveURL(/hide=/)
  await expect(chart(page, /^Accuracy \(%\) of each run\..*head:/)).toHaveCount(0)
  await expect(chart(page, /^Accuracy \(%\) of each run\..*full:/)).toBeVisible()
})

test('curves are looked at closer by dragging, smoothed, and drawn over other axes', async ({
  app: page,
}) => {
  await compareTrec(page)
  const curves = chart(page, /^Training loss over step/)
  await curves.scrollIntoViewIfNeeded()
  const box = await curves.boundingBox()
  if (box === null) throw new Error('the chart is not there')
  await page.mouse.move(box.x + box.width * 0.3, box.y + 60)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.6, box.y + 80, { steps: 4 })
  await page.mouse.up()
  await expect(page).toHaveURL(/range=/)
  await page.getByRole('button', { name: /show all$/ }).click()
  await expect(page).not.toHaveURL(/range=/)
  const controls = page.getByRole('group', { name: 'Learning curves', exact: true })
  await controls.getByLabel('Metric').selectOption('validation.accuracy')
  await controls.getByRole('combobox', { name: /^Over/ }).selectOption('epoch')
  await controls.getByLabel('Log x').check()
  await expect(chart(page, /^Validation accuracy \(%\) over epoch/)).toBeVisible()
  await expect(page).toHaveURL(/log=x/)
  await page.goBack()
  await expect(controls.getByLabel('Log x')).not.toBeChecked()
})

test('every chart is handed out as picture and figures', async ({ app: page }) => {
  await compareTrec(page)
  const save = async (button: string) => {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: button, exact: true }).click(),
    ])
    return readFile(await file.path())
  }
  const csv = (await save('Parameters and score as CSV')).toString()
  expect(csv).toMatch(/^Variant,Trained parameters,Accuracy,Low,High,On the front/)
  expect(csv.trim().split('\r\n').length).toBeGreaterThan(8)
  expect((await save('Spread over seeds as SVG')).toString()).toContain('<svg')
  expect((await save('Learning curves as PNG')).subarray(1, 4).toString()).toBe('PNG')
  expect((await save('Settings and score as SVG')).toString()).toContain('learningRate')
})

test('each family has its chart, and rows on which variants disagree are listed', async ({ app: page }) => {
  await compareTrec(page)
  for (const name of [
    /^Validation accuracy \(%\) over layers without adapters/,
    /^Mean weight \(%\) by adapter and layer/,
    /over adapters kept per layer/,
    /^Relative change \(%\) over layer\. mam: prefix/,
    /^Validation accuracy \(%\) by switched off and variant/,
    /^Balanced accuracy/,
    /^Share of the loss/,
    /^Rise of the masked-token loss/,
    /^F1/,
    /over confidence/,
    /settings of .*learningRate/,
    /^Share of the class/,
  ]) {
    await expect(chart(page, name).first()).toBeVisible()
  }
  const rows = page.getByRole('region', { name: 'Where they disagree' })
  await expect(rows.getByRole('row').nth(1)).toContainText('trec text number')
  await rows.getByLabel('Which rows').selectOption('all')
  await rows.getByLabel('Search in the texts').fill('number 17')
  await expect(rows.getByRole('row')).toHaveCount(2)
})

const titles = (page: Page) =>
  page.getByRole('list', { name: 'Charts' }).getByRole('heading').allTextContents()

test('charts are moved from the keyboard and stay where they were put', async ({ app: page }) => {
  await compareTrec(page)
  const before = await titles(page)
  expect(before.slice(0, 3)).toEqual(['Learning curves', 'Parameters and score', 'Time and score'])
  const handle = page.getByRole('button', { name: 'Move Time and score', exact: true })
  await handle.focus()
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('ArrowLeft')
  await expect(handle).toBeFocused()
  await expect
    .poll(() => titles(page))
    .toEqual([
      'Time and score',
      'Learning curves',
      ...before.slice(1).filter((title) => title !== 'Time and score'),
    ])
  await page.reload()
  await expect(chart(page, /^Training loss over step/)).toBeVisible()
  await expect.poll(async () => (await titles(page))[0]).toBe('Time and score')
  await page.getByRole('button', { name: 'Charts as they were at first' }).click()
  await expect.poll(() => titles(page)).toEqual(before)
})

test('a chart is dragged beside another', async ({ app: page }) => {
  // Both are in view: a page that scrolls under the pressed button ends the drag.
  await page.setViewportSize({ width: 1440, height: 2400 })
  await compareTrec(page)
  const move = (title: string) => page.getByRole('button', { name: `Move ${title}`, exact: true })
  await expect(move('Spread over seeds')).toBeVisible()
  const target = page.getByRole('listitem').filter({ has: move('Time and score') })
  const { width = 0 } = (await target.boundingBox()) ?? {}
  await move('Spread over seeds').dragTo(target, { targetPosition: { x: 20, y: 120 }, steps: 6 })
  await expect
    .poll(async () => (await titles(page)).slice(1, 4))
    .toEqual(['Parameters and score', 'Spread over seeds', 'Time and score'])
  await move('Parameters and score').dragTo(target, { targetPosition: { x: width - 40, y: 120 }, steps: 6 })
  await expect
    .poll(async () => (await titles(page)).slice(1, 4))
    .toEqual(['Spread over seeds', 'Time and score', 'Parameters and score'])
  await page.getByRole('button', { name: 'Charts as they were at first' }).click()
})

test('a chart is hidden, stays hidden, and comes back', async ({ app: page }) => {
  await compareTrec(page)
  await page.getByRole('button', { name: 'Hide Calibration', exact: true }).click()
  await expect(chart(page, /over confidence/)).toHaveCount(0)
  await page.reload()
  await expect(chart(page, /^Training loss over step/)).toBeVisible()
  await expect(chart(page, /over confidence/)).toHaveCount(0)
  await expectPresentable(page, 'a hidden chart')
  await page.getByRole('button', { name: 'Show Calibration', exact: true }).click()
  await expect(chart(page, /over confidence/)).toBeVisible()
  await expect(page.getByRole('group', { name: 'Arrangement of the charts' })).toHaveCount(0)
})

test('what is no longer there is said, with a way on', async ({ app: page }) => {
  await goTo(page, '#/compare?runs=gone')
  await expect(page.getByText(/any more/)).toBeVisible()
  await page.getByRole('link', { name: 'Choose what to compare' }).click()
  await expect(page.getByRole('region', { name: 'trec', exact: true })).toBeVisible()
})

test('the comparison is presentable', async ({ app: page }) => {
  await goTo(page, '#/compare')
  await expect(page.getByRole('region', { name: 'trec', exact: true })).toBeVisible()
  await expectPresentable(page, 'the choice')
  await compareTrec(page)
  await expect(page.getByRole('region', { name: 'Rows', exact: true })).toBeVisible()
  await expectPresentable(page, 'the comparison')
})
