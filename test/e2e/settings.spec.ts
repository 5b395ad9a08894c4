import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { expectPresentable } from './checks.ts'
import { startRuns, waitForStatus } from './steps.ts'

test('settings hold for new runs, and a run can say otherwise', async ({ app: page }) => {
  await ensureSamples(page)
  await goTo(page, '#/settings')
  await page.getByLabel('Threads').fill('1')
  await page.getByLabel('Cache, MB').fill('100')
  await page.getByLabel('Go on on cpu').check()
  await page.getByLabel('Backbone precision').selectOption('float16')
  await expect(page.getByText('Frozen weights stored in half the memory')).toBeVisible()
  await expect(async () => {
    await page.reload()
    await expect(page.getByLabel('Threads')).toHaveValue('1', { timeout: 2000 })
    await expect(page.getByLabel('Backbone precision')).toHaveValue('float16', { timeout: 2000 })
  }).toPass()
  await expect(page.getByLabel('Threads')).toHaveValue('1')
  await expect(page.getByLabel('Go on on cpu')).toBeChecked()
  await expectPresentable(page, 'the settings')

  await goTo(page, '#/runs/new')
  await expect(page.getByRole('heading', { name: 'New run' })).toBeAttached()
  await expect(page.getByLabel('Cache, MB')).toHaveValue('100')
  await expect(page.getByLabel('Backbone precision')).toHaveValue('float16')
  await page.getByLabel('Cache, MB').fill('50')
  await page.getByLabel('Cache, MB').blur()
  await expect(page).toHaveURL(/cacheMegabytes/)
  await page.getByText('All settings').click()
  await page.getByLabel('Tokens per batch').fill('10')
  await page.getByLabel('Tokens per batch').blur()
  await expect(page.getByText('a text may have 64 tokens')).toBeVisible()
  await expectPresentable(page, 'the engine of a new run')
})

test('a full fine-tuning is refused a rounded backbone where it is chosen', async ({ app: page }) => {
  await ensureSamples(page)
  await goTo(page, '#/runs/new')
  await page.getByRole('button', { name: 'Full fine-tuning', exact: true }).click()
  await page.getByLabel('Backbone precision').selectOption('int8')
  await expect(page.getByText(/int8 is for a backbone whose weights stay as they are/).first()).toBeVisible()
  await expect(page.getByRole('button', { name: /^Start/ })).toBeDisabled()
})

test('a run says what it computed on and with, and what was kept', async ({ app: page }) => {
  await ensureSamples(page)
  await goTo(page, '#/settings')
  await page.getByLabel('Backbone precision').selectOption('float16')
  await page.getByLabel('Device', { exact: true }).selectOption('onnxruntime on cpu')
  await startRuns(page, { dataset: 'reviews', methods: ['Head only'], epochs: 2 })
  await waitForStatus(page, 'Finished')
  const facts = page.locator('main')
  await expect(facts.getByText('backbone in float16')).toBeVisible()
  await expect(facts.getByText(/stored in half precision and computed with in float32/)).toBeVisible()
  await expect(facts.getByText(/of a step's operations, computed once for each text/)).toBeVisible()
  await expectPresentable(page, 'a run in half precision')
})

test('devices are measured on request, which can be followed and stopped', async ({ app: page }) => {
  test.setTimeout(180_000)
  await goTo(page, '#/settings')
  await page.getByLabel('Device', { exact: true }).selectOption('Automatic')
  const panel = page.getByRole('region', { name: 'Devices' })
  await panel.getByRole('button', { name: 'Measure the devices' }).click()
  await expect(panel.getByText(/^1 of \d+: onnxruntime on cpu/)).toBeVisible()
  await panel.getByRole('button', { name: 'Stop' }).click()
  await expect(panel.getByRole('button', { name: 'Measure the devices' })).toBeVisible()
  await panel.getByRole('button', { name: 'Measure the devices' }).click()
  await expect(panel.getByRole('button', { name: 'Measure again' })).toBeVisible({ timeout: 150_000 })
  await expect(panel.getByText('auto takes it')).toBeVisible()
  await expect(
    panel.getByText(/(The fastest in a measured step|The only measured device that fits): /),
  ).toBeVisible()
  await expectPresentable(page, 'measured devices')
  await goTo(page, '#/runs/new')
  await expect(page.getByText(/^Takes \w+ on \w+: the /)).toBeVisible()
})
