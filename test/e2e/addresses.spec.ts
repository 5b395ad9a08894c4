import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { methodButton } from './steps.ts'

test('views, tabs and sort orders are steps that back and forward walk', async ({ app: page }) => {
  await ensureSamples(page)
  await page.getByRole('grid', { name: 'Datasets' }).getByRole('link').first().click()
  await page.getByRole('link', { name: 'Balance' }).click()
  await expect(page).toHaveURL(/\/balance$/)
  await page.getByRole('link', { name: 'Lengths' }).click()
  await page.getByLabel('In', { exact: true }).selectOption('characters')
  await expect(page).toHaveURL(/unit=characters/)
  await page.goBack()
  await expect(page).toHaveURL(/\/lengths$/)
  await page.goBack()
  await expect(page.getByRole('region', { name: 'Label balance' })).toBeVisible()
  await page.goForward()
  await expect(page.getByRole('img', { name: /Text lengths/ })).toBeVisible()
})

test('an address opens the view as it was', async ({ app: page, workbench }) => {
  await ensureSamples(page)
  await page.getByRole('grid', { name: 'Datasets' }).getByRole('link').first().click()
  await expect(page).toHaveURL(/#\/datasets\/[^/]+$/)
  const hash = new URL(page.url()).hash
  await page.goto(new URL(`${hash}?split=test&q=the`, new URL('/', workbench.url)).href)
  await expect(page.getByLabel('Split', { exact: true })).toHaveValue('test')
  await expect(page.getByLabel('Search in the texts')).toHaveValue('the')
  const cells = page.getByRole('grid', { name: 'Rows' }).getByRole('gridcell', { name: 'test', exact: true })
  await expect(cells.first()).toBeVisible()
  await expect(
    page.getByRole('grid', { name: 'Rows' }).getByRole('gridcell', { name: 'train', exact: true }),
  ).toHaveCount(0)
})

test('the form of a new run is in its address', async ({ app: page, workbench }) => {
  await ensureSamples(page)
  await goTo(page, '#/runs/new')
  await methodButton(page, 'Adapter (Houlsby)').click()
  await page.getByLabel('Seeds').fill('1-3')
  await page.getByLabel('Epochs').fill('4')
  await page.getByLabel('Epochs').blur()
  const hash = new URL(page.url()).hash
  await page.goto(new URL(hash, new URL('/', workbench.url)).href)
  await page.reload()
  await expect(page.getByRole('button', { name: 'Start 3 runs' })).toBeEnabled()
  await expect(page.getByLabel('Epochs')).toHaveValue('4')
})

test('a form that is open follows its address', async ({ app: page }) => {
  await ensureSamples(page)
  await goTo(page, '#/runs/new?draft={"seeds":"4-5"}')
  await expect(page.getByLabel('Seeds')).toHaveValue('4-5')
  await goTo(page, '#/runs/new?draft={"seeds":"7"}')
  await expect(page.getByLabel('Seeds')).toHaveValue('7')
  await page.goBack()
  await expect(page.getByLabel('Seeds')).toHaveValue('4-5')
})

test('the token leaves the address at once and the window names what is shown', async ({ app: page }) => {
  expect(page.url()).not.toContain('token')
  await goTo(page, '#/models')
  await expect(page).toHaveTitle('Models · Adapter Workbench')
})

test('an address that leads nowhere offers the way back', async ({ app: page }) => {
  await goTo(page, '#/builder/xyz')
  await page.getByRole('link', { name: 'Go to the overview' }).click()
  await expect(page).toHaveURL(/#\/$/)
  await goTo(page, '#/datasets/none')
  await expect(page.getByRole('alert')).toBeVisible()
})
