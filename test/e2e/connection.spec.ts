import { expect, goTo, test } from './fixtures.ts'

test('a server that went away is said; one that was started anew asks for its new token', async ({
  page,
  workbench,
}) => {
  await page.goto(workbench.url)
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible()
  await goTo(page, '#/runs/new')
  await workbench.stop()
  await expect(page.getByText(/connection to the workbench is lost/)).toBeVisible()
  await expect(page.getByRole('contentinfo')).toContainText('Disconnected')

  await workbench.start()
  await expect(page.getByRole('heading', { name: /needs the server's token/ })).toBeVisible({
    timeout: 20_000,
  })
  await page.getByLabel('Address or token printed by the server').fill(workbench.url)
  await page.getByRole('button', { name: 'Connect' }).click()
  await expect(page.getByRole('contentinfo')).toContainText('onnxruntime')
})

test('without a token the page says what it needs, and takes it', async ({ page, workbench }) => {
  await page.goto(new URL(workbench.url).origin)
  await expect(page.getByRole('heading', { name: /needs the server's token/ })).toBeVisible()
  await page.getByLabel('Address or token printed by the server').fill(workbench.url)
  await page.getByRole('button', { name: 'Connect' }).click()
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeAttached()
  await goTo(page, '#/models')
  await expect(page.getByRole('link', { name: 'starter' })).toBeVisible()
})
