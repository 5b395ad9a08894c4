import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { methodButton } from './steps.ts'

test('a file that is not there, or empty, is said where it is chosen, and importing it is not offered', async ({
  app: page,
  workbench,
}) => {
  const empty = join(workbench.home, 'empty.csv')
  await writeFile(empty, '')
  for (const path of [join(workbench.home, 'missing.csv'), empty]) {
    await goTo(page, '#/datasets')
    await goTo(page, '#/datasets/import')
    await page.getByLabel('Path of a file').fill(path)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await expect(page.getByRole('alert')).toContainText(/missing\.csv|empty/)
    await expect(page.getByRole('button', { name: 'Import', exact: true })).toBeDisabled()
  }
})

test('rejected rows are shown with line and reason before and after the import', async ({
  app: page,
  workbench,
}) => {
  const file = join(workbench.home, 'holes.csv')
  const rows = Array.from(
    { length: 40 },
    (_, index) => `a text about the number ${index},${index % 2 ? 'odd' : 'even'}`,
  )
  await writeFile(file, ['text,label', ...rows, ',odd', 'a text without a label,'].join('\n'))
  await goTo(page, '#/datasets/import')
  await page.getByLabel('Path of a file').fill(file)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('button', { name: '2 rejected' }).click()
  await expect(page.getByRole('cell', { name: '42' })).toBeVisible()
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByRole('link', { name: 'Rejected 2' }).click()
  const rejected = page.getByRole('grid', { name: 'Rejected rows' })
  await expect(rejected.getByRole('row')).toHaveCount(3)
  await expect(rejected).toContainText('42')
})

test('how a file is read can be overridden and is shown at once', async ({ app: page, workbench }) => {
  const file = join(workbench.home, 'swapped.csv')
  const rows = Array.from(
    { length: 20 },
    (_, index) => `${index % 2 ? 'odd' : 'even'};a text about the number ${index}`,
  )
  await writeFile(file, rows.join('\n'))
  await goTo(page, '#/datasets/import')
  await page.getByLabel('Path of a file').fill(file)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  const preview = page.getByRole('region', { name: 'swapped.csv', exact: true })
  await expect(preview.getByText(/semicolon between/)).toBeVisible()
  await page.getByLabel('First line').selectOption('names the columns')
  await expect(preview.getByText(/, header line/)).toBeVisible()
  await expect(page).toHaveURL(/header/)
})

test('a folder that is no model is refused in words, in the dialog', async ({ app: page, workbench }) => {
  const folder = join(workbench.home, 'not-a-model')
  await mkdir(folder, { recursive: true })
  await goTo(page, '#/models?add=1')
  await page.getByLabel(/^Folder/).fill(folder)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText(/config\.json/)
})

test('a setting out of its bounds is said at the setting and nothing is started', async ({ app: page }) => {
  await ensureSamples(page)
  await goTo(page, '#/runs/new')
  await methodButton(page, 'Adapter (Pfeiffer)').click()
  const start = page.getByRole('button', { name: 'Start', exact: true })
  await expect(start).toBeEnabled()
  for (const [label, value] of [
    ['Epochs', '0'],
    ['Maximum length', '100000'],
    ['Reduction factor', '0'],
    ['Seeds', 'one'],
  ] as const) {
    const field = page.getByLabel(label, { exact: true })
    const before = await field.inputValue()
    await field.fill(value)
    await field.blur()
    await expect(page.getByRole('main').getByRole('alert')).toBeVisible()
    await expect(start).toBeDisabled()
    await field.fill(before)
    await field.blur()
    await expect(start).toBeEnabled()
  }
})

test('a filter that cannot be read says so', async ({ app: page }) => {
  await goTo(page, '#/runs?q=colour:red')
  await expect(page.getByText(/no field "colour"/)).toBeVisible()
})
