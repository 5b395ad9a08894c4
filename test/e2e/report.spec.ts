import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import type { Browser, Page } from '@playwright/test'

import { expectAccessible } from './checks.ts'
import { expect, goTo, test } from './fixtures.ts'
import { pinnedNode } from './server.ts'

test.use({ prepared: true })

const methods = ['fusion', 'mam', 'masked', 'adapter_drop_robust', 'seq_bn', 'head']
const runIds = methods.flatMap((method) => [1, 2, 3].map((seed) => `trec-${method}-${seed}`))
const program = fileURLToPath(new URL('../../out/main/cli.js', import.meta.url))

async function compareThem(page: Page): Promise<void> {
  await goTo(page, `#/compare?runs=${runIds.join(',')}`)
  await expect(page.getByRole('region', { name: 'Summary', exact: true })).toBeVisible()
}

async function save(page: Page, button: string): Promise<{ name: string; text: string }> {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    // Tables have buttons of the same name; the page's own come first.
    page.getByRole('button', { name: button, exact: true }).first().click(),
  ])
  return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') }
}

/** Has the command line write the same comparison, through the program that is running. */
async function saveByCommand(home: string, format: 'html' | 'markdown' | 'csv'): Promise<string> {
  const file = join(home, `by-command.${format}`)
  await promisify(execFile)(pinnedNode(), [
    program,
    'compare',
    ...runIds,
    '--home',
    home,
    `--${format}`,
    file,
  ])
  return readFile(file, 'utf8')
}

/** What two reports of the same runs must have in common: all but when they were written. */
const undated = (text: string) => text.replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?Z?)?( UTC)?/g, '')

/** Opens a file where nothing else can be reached; the requests that it made are told. */
async function openOffline(browser: Browser, file: string): Promise<{ page: Page; requests: string[] }> {
  const context = await browser.newContext({ offline: true })
  const requests: string[] = []
  const page = await context.newPage()
  page.on('request', (request) => requests.push(request.url()))
  await page.goto(pathToFileURL(file).href)
  return { page, requests }
}

test('a report opens without a network, with its charts and tables, in both themes', async ({
  app: page,
  browser,
  workbench,
}) => {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await compareThem(page)
    const { name, text } = await save(page, 'Report (HTML)')
    expect(name).toMatch(/\.html$/)
    const file = join(workbench.home, name)
    await writeFile(file, text)
    const { page: report, requests } = await openOffline(browser, file)
    expect(requests).toEqual([pathToFileURL(file).href])

    await expect(report.getByRole('heading', { level: 1 })).toHaveText('Comparison of 6 variants')
    await expect(report.getByText(/On trec, mam scores highest/)).toBeVisible()
    const summary = report.getByRole('table').first()
    await expect(summary.getByRole('row')).toHaveCount(methods.length + 1)
    await expect(summary.getByRole('row', { name: /^mam/ })).toContainText(/\d\d\.\d ± \d/)
    for (const heading of ['Answer', 'Summary', 'Charts', 'Significance', 'Classes', 'Configurations'])
      await expect(report.getByRole('heading', { name: heading, exact: true })).toBeVisible()
    for (const chart of [
      /^Learning curves: validation\.accuracy/,
      /^Learning curves: train\.loss/,
      /^Score against trained parameters/,
      /^Quality against layers dropped/,
      /^Fusion weights/,
      /^Forgetting/,
      /^Calibration/,
    ])
      await expect(report.getByRole('img', { name: chart }).first()).toBeVisible()
    const drawings = report.getByRole('figure').locator('svg')
    expect(await drawings.count()).toBeGreaterThanOrEqual(8)
    for (const drawing of await drawings.all()) {
      const box = await drawing.boundingBox()
      expect(box?.width ?? 0).toBeGreaterThan(100)
      expect(box?.height ?? 0).toBeGreaterThan(60)
    }
    await report.getByText('trec · mam · seed 1', { exact: true }).first().click()
    await expect(report.getByText('"name": "mam"').first()).toBeVisible()
    await expect(report.getByText(/npm run workbench -- /).first()).toBeVisible()
    await expectAccessible(report, `the report in ${theme}`)
    await report.context().close()
  }
})

test('the report is the same from the page and from the command line', async ({ app: page, workbench }) => {
  await page.emulateMedia({ colorScheme: 'light' })
  await compareThem(page)
  for (const [button, format] of [
    ['Report (HTML)', 'html'],
    ['Markdown', 'markdown'],
    ['CSV', 'csv'],
  ] as const) {
    const { text } = await save(page, button)
    expect(undated(await saveByCommand(workbench.home, format)), format).toBe(undated(text))
  }
})

test('Markdown and CSV hold what the page shows', async ({ app: page }) => {
  await compareThem(page)
  const markdown = await save(page, 'Markdown')
  expect(markdown.name).toMatch(/\.md$/)
  expect(markdown.text).toMatch(/^# Comparison of 6 variants/)
  expect(markdown.text).toMatch(/\| mam +\| +\*?\*?\d\d\.\d ± \d/)
  const csv = await save(page, 'CSV')
  expect(csv.name).toMatch(/\.csv$/)
  const lines = csv.text.trim().split(/\r?\n/)
  expect(lines).toHaveLength(runIds.length + 1)
  expect(lines.filter((line) => line.includes('fusion'))).toHaveLength(3)
})
