import { expectPresentable } from './checks.ts'
import { ensureSamples, expect, goTo, test } from './fixtures.ts'
import { methodButton, startRuns, waitForStatus } from './steps.ts'

test.use({ alone: 'beginnings' })

test('what runs have trained is what other runs begin with', async ({ app: page }) => {
  test.setTimeout(600_000)
  await ensureSamples(page)
  for (const dataset of ['reviews', 'questions']) {
    await startRuns(page, { dataset, methods: ['Adapter (Pfeiffer)'], epochs: 1 })
    await waitForStatus(page, 'Finished')
  }
  const adapters = page.getByRole('group', { name: 'Adapters to begin with' })
  const begin = page.getByRole('group', { name: 'Begin with what is stored' })
  const start = page.getByRole('button', { name: 'Start', exact: true })
  const once = async () => {
    await page.getByLabel('Epochs').fill('1')
    await page.getByLabel('Epochs').blur()
    await start.click()
    await expect(page).toHaveURL(/#\/runs\/[0-9a-f]+$/)
    await waitForStatus(page, 'Finished')
  }

  await test.step('the adapters and heads of several tasks, one for each or none', async () => {
    await goTo(page, '#/runs/new')
    await page.getByLabel('Dataset', { exact: true }).selectOption({ label: 'reviews' })
    await methodButton(page, 'Parallel (an adapter per task)').click()
    await page
      .getByRole('group', { name: 'Train together with' })
      .getByRole('checkbox', { name: /questions/ })
      .check()
    await expect(adapters).toContainText('one for each dataset, in this order: reviews, questions')
    await adapters.getByRole('checkbox', { name: 'seq_bn · reviews', exact: true }).check()
    const refusal = page.getByText(/begins with one trained adapter for each task.*1 for 2 tasks/)
    await expect(refusal).toBeVisible()
    await expect(start).toBeDisabled()
    await adapters.getByRole('checkbox', { name: 'seq_bn · questions', exact: true }).check()
    await expect(refusal).toBeHidden()
    await begin.getByLabel('Head of reviews').selectOption('seq_bn head · reviews')
    await expect(page.getByText(/1 stored head for 2 tasks/)).toBeVisible()
    await begin.getByLabel('Head of questions').selectOption('seq_bn head · questions')
    await expect(page.getByText(/stored head for/)).toBeHidden()
    await expectPresentable(page, 'the form with what the run begins with')
    await once()
    const facts = page
      .getByRole('definition')
      .filter({ hasText: 'seq_bn head · reviews, seq_bn head · questions' })
    await expect(facts).toBeVisible()
  })

  await test.step('a fusion of the same adapters in the same order', async () => {
    const choose = async () => {
      await goTo(page, '#/runs/new')
      await page.getByLabel('Dataset', { exact: true }).selectOption({ label: 'reviews' })
      await methodButton(page, 'AdapterFusion (attention)').click()
      const picker = page.getByRole('group', { name: 'Adapters to build on' })
      for (const name of ['seq_bn · reviews', 'seq_bn · questions'])
        await picker.getByRole('checkbox', { name, exact: true }).check()
      return picker
    }
    await choose()
    await expect(begin.getByLabel('Fusion')).toHaveCount(0)
    await once()
    const picker = await choose()
    await begin.getByLabel('Fusion').selectOption('fusion · reviews')
    await picker.getByRole('button', { name: 'Move seq_bn · questions up' }).click()
    await expect(
      page.getByText(/weighs “seq_bn · reviews”, “seq_bn · questions”, in this order/),
    ).toBeVisible()
    await expect(start).toBeDisabled()
    await picker.getByRole('button', { name: 'Move seq_bn · questions down' }).click()
    await once()
    await expect(page.getByRole('definition').filter({ hasText: /^fusion · reviews$/ })).toBeVisible()
  })
})
