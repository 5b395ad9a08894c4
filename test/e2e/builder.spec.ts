import type { Page } from '@playwright/test'

import { expectPresentable } from './checks.ts'
import { expect, goTo, test } from './fixtures.ts'

test.use({ prepared: true })

async function json(
  page: Page,
): Promise<{ method: { name: string; options?: Record<string, unknown> }; adapterIds?: string[] }> {
  return JSON.parse(await page.getByRole('textbox', { name: 'JSON' }).inputValue())
}

/** On the model that the prepared adapters belong to. */
async function openOnTiny(page: Page, method: string): Promise<void> {
  const config = { modelId: 'model', datasetId: 'trec', method: { name: method, options: {} } }
  await goTo(page, `#/builder?config=${encodeURIComponent(JSON.stringify(config))}`)
}

test('the picture, the options and the text are one configuration', async ({ app: page }) => {
  await goTo(page, '#/builder')
  const place = page.getByRole('switch', { name: 'Adapter at the attention' })
  await expect(place).not.toBeChecked()
  const cost = page.getByRole('region', { name: 'Cost' })
  await expect(cost).toContainText('57,462')
  await place.click()
  await expect(place).toBeChecked()
  await expect.poll(() => json(page)).toMatchObject({ method: { options: { mh_adapter: true } } })
  await expect(cost).not.toContainText('57,462')
  await page.getByRole('button', { name: /in layer 2/ }).click()
  await expect.poll(() => json(page)).toMatchObject({ method: { options: { leave_out: [2] } } })
  await place.focus()
  await page.keyboard.press('Space')
  await expect(place).not.toBeChecked()
  const text = page.getByRole('textbox', { name: 'JSON' })
  const config = await json(page)
  await text.fill(JSON.stringify({ ...config, method: { name: 'lora', options: { attn_matrices: ['k'] } } }))
  await expect(page.getByRole('switch', { name: 'Update of the key matrix' })).toBeChecked()
  await expect(page.getByRole('switch', { name: 'Update of the query matrix' })).not.toBeChecked()
  await text.fill('{"modelId": "starter"')
  await expect(page.getByText(/This is no JSON/)).toBeVisible()
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(page.getByText(/This is no JSON/)).toHaveCount(0)
})

test('a fusion is put together by dragging, and a nesting that cannot be says why', async ({ app: page }) => {
  await openOnTiny(page, 'seq_bn')
  const target = page.getByRole('group', { name: 'Composition' })
  const stored = page.getByRole('list', { name: 'Stored adapters' })
  await stored.getByRole('button', { name: 'trec adapter' }).dragTo(target)
  await expect(target.getByRole('alert')).toContainText('needs a block')
  await page.getByRole('button', { name: 'Fuse', exact: true }).dragTo(target)
  await expect.poll(async () => (await json(page)).method.name).toBe('fusion')
  await stored.getByRole('button', { name: 'trec adapter' }).dragTo(target)
  await stored.getByRole('button', { name: 'sst adapter' }).dragTo(target)
  await expect.poll(async () => (await json(page)).adapterIds).toEqual(['trec-adapter', 'sst-adapter'])
  // A stored fusion is no adapter: there is nothing that it could be put into.
  await expect(stored.getByRole('button', { name: 'trec fusion' })).toHaveCount(0)
  await page.getByRole('button', { name: 'Average', exact: true }).dragTo(target)
  await expect(target.getByRole('alert')).toContainText(
    'Average cannot stand inside Fuse: a fusion learns the weights',
  )
  await target.getByRole('button', { name: 'Make it an Average instead' }).click()
  await expect.poll(async () => (await json(page)).method.name).toBe('average_outputs')
})

test('a block in a block becomes a composition that a run can train', async ({ app: page }) => {
  await openOnTiny(page, 'fusion')
  const target = page.getByRole('group', { name: 'Composition' })
  const stored = page.getByRole('list', { name: 'Stored adapters' })
  await stored.getByRole('button', { name: 'sst adapter' }).click()
  await page.getByRole('button', { name: 'Stack', exact: true }).dragTo(target)
  await expect(target.getByRole('status')).toContainText('Press its first adapter')
  await stored.getByRole('button', { name: 'trec adapter' }).click()
  await expect
    .poll(() => json(page))
    .toMatchObject({
      method: { name: 'compose', options: { composition: 'Fuse(a, Stack(b))' } },
      adapterIds: ['sst-adapter', 'trec-adapter'],
    })
  // The stack takes what is pressed next.
  await page.getByRole('button', { name: 'Average', exact: true }).click()
  await expect(target.getByRole('alert')).toContainText('Average is nested too deep')
  const text = page.getByRole('textbox', { name: 'Composition', exact: true })
  await text.fill('Stack(b, Fuse(a)')
  await text.blur()
  await expect(target.getByRole('alert')).toContainText('cannot be drawn')
  await text.fill('Stack(b, Fuse(a))')
  await text.blur()
  await expect(target.getByRole('group', { name: 'Fuse of sst adapter' })).toBeVisible()
  await expectPresentable(page, 'blocks in a block')
  await target.getByRole('button', { name: 'Take sst adapter out' }).click()
  await expect
    .poll(() => json(page))
    .toMatchObject({ method: { options: { composition: 'Stack(a)' } }, adapterIds: ['trec-adapter'] })
})

test('the same works from the keyboard', async ({ app: page }) => {
  await openOnTiny(page, 'stack')
  const stored = page.getByRole('list', { name: 'Stored adapters' })
  for (const name of ['trec adapter', 'sst adapter']) {
    await stored.getByRole('button', { name }).focus()
    await page.keyboard.press('Enter')
  }
  await page.getByRole('button', { name: 'sst adapter earlier' }).focus()
  await page.keyboard.press('Enter')
  await expect.poll(async () => (await json(page)).adapterIds).toEqual(['sst-adapter', 'trec-adapter'])
  await page.getByRole('button', { name: 'Take trec adapter out' }).press('Enter')
  await expect.poll(async () => (await json(page)).adapterIds).toEqual(['sst-adapter'])
})

test('what a block in a block loses of the method is said before it happens', async ({ app: page }) => {
  await openOnTiny(page, 'stack')
  const target = page.getByRole('group', { name: 'Composition' })
  const stored = page.getByRole('list', { name: 'Stored adapters' })
  await stored.getByRole('button', { name: 'trec adapter' }).click()
  await page.getByRole('button', { name: 'Fuse', exact: true }).click()
  await expect(target.getByRole('status')).toContainText('there is no new adapter on top')
  await expectPresentable(page, 'what is lost by a block in a block')
  expect((await json(page)).method.name).toBe('stack')
  await stored.getByRole('button', { name: 'sst adapter' }).click()
  await expect.poll(async () => (await json(page)).method.name).toBe('compose')
  await expect(target.getByText('there is no new adapter on top')).toHaveCount(0)
})

test('presets are kept, loaded and handed out, and a run starts with the configuration', async ({
  app: page,
}) => {
  await goTo(page, '#/builder')
  await page.getByLabel('Reduction factor', { exact: true }).fill('8')
  await page.getByLabel('Reduction factor', { exact: true }).blur()
  await page.getByLabel('Name of the preset').fill('wide')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByRole('combobox', { name: /^Method/ }).selectOption('mam')
  await page.reload()
  await page.getByLabel('Saved preset').selectOption('wide')
  await expect(page.getByLabel('Reduction factor', { exact: true })).toHaveValue('8')
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save as file' }).click(),
  ])
  expect(file.suggestedFilename()).toBe('wide.json')
  await page.getByRole('combobox', { name: /^Method/ }).selectOption('mam')
  await page.getByLabel('Preset file').setInputFiles(await file.path())
  await expect(page.getByLabel('Reduction factor', { exact: true })).toHaveValue('8')
  await page.getByRole('button', { name: 'Start a run with this' }).click()
  await expect(page).toHaveURL(/#\/runs\/new/)
  await expect(page.getByLabel('Reduction factor', { exact: true })).toHaveValue('8')
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeEnabled()
})

test('the builder is presentable', async ({ app: page }) => {
  await openOnTiny(page, 'fusion')
  await expect(page.getByRole('list', { name: 'Stored adapters' })).toBeVisible()
  await expectPresentable(page, 'a fusion')
  await goTo(
    page,
    '#/builder?config=' +
      encodeURIComponent('{"modelId":"starter","datasetId":"trec","method":{"name":"par_bn"}}'),
  )
  await expect(page.getByRole('region', { name: 'Cost' })).toContainText('MFLOP')
  await expectPresentable(page, 'a parallel adapter')
})
