import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createComparisonService } from '../../../main/services/comparison.ts'
import { createReportService } from '../../../main/services/report.ts'
import { updateRun } from '../../../main/store/runs.ts'
import { ReportInput, type InputOf, type Report, type RunAnalysis } from '../../../preload/contract.ts'
import { addFinishedRun, openComparedHome, wrongAt, type ComparedHome } from '../../fixtures/compared-runs.ts'
import { removeHome } from '../../fixtures/runs-home.ts'

let at: ComparedHome

const scores = (accuracy: number) => ({ accuracy, macroF1: 0.5, matthews: 0.1, loss: 1 })

const analysis: RunAnalysis = {
  latency: { p50: 1.25, p95: 2.5, examples: 10 },
  forgetting: { before: 2, after: 2.25, tokens: 100 },
  dropCurve: [0, 1, 2].map((droppedLayers) => ({
    droppedLayers,
    scores: scores(0.9 - droppedLayers / 10),
    msPerExample: 3 - droppedLayers,
  })),
}

beforeEach(async () => {
  at = openComparedHome()
  const points = [1, 2, 3].map((step) => ({ name: 'validation.accuracy', step, value: step / 4 }))
  await addFinishedRun(at, { id: 'a1', seed: 1, predicted: wrongAt(0), analysis, points })
  await addFinishedRun(at, { id: 'a2', seed: 2, predicted: wrongAt(), analysis, points })
  await addFinishedRun(at, {
    id: '<b>&"fusion"',
    method: 'fusion',
    family: 'fusion',
    parameters: 500,
    seconds: 120,
    predicted: wrongAt(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    points,
    analysis: {
      fusion: {
        adapters: ['one', 'two'],
        weights: [{ layer: 0, place: 'output', weights: [0.25, 0.75] }],
        pruned: [],
      },
    },
  })
})

afterEach(() => {
  at.database.close()
  removeHome(at.home)
})

function report(input: InputOf<'report.create'> = {}): Promise<Report> {
  const compare = createComparisonService(at).handlers['comparison.get']
  const { 'report.create': create } = createReportService({ ...at, compare })
  return Promise.resolve(
    create(ReportInput.parse({ runIds: ['a1', 'a2', '<b>&"fusion"'], title: 'My question', ...input })),
  )
}

it('names the card that a run computed with beside the machine’s processor', async () => {
  const environment = {
    ...{ workbench: '1.0.0', node: '24.0.0', engine: 'onnxruntime', engineVersion: '1.30.0', device: 'cuda' },
    ...{ threads: 2, processor: 'A processor', platform: 'linux-x64' },
  }
  updateRun(at.database, 'a1', { environment: { ...environment, hardware: 'NVIDIA T4' } })
  updateRun(at.database, 'a2', { environment: { ...environment, device: 'cpu' } })
  const { content } = await report()
  expect(content).toContain('NVIDIA T4, A processor, linux-x64')
  expect(content.match(/A processor, linux-x64/g)).toHaveLength(2)
  expect(content.match(/NVIDIA T4/g)).toHaveLength(1)
})

describe('an HTML report', () => {
  it('is one file that fetches nothing and runs nothing', async () => {
    const { fileName, mediaType, content } = await report()
    expect(fileName).toBe('my-question.html')
    expect(mediaType).toBe('text/html')
    expect(content).not.toMatch(/<script|<link|<img|<iframe|\bon\w+=/i)
    expect(content).not.toMatch(/\b(?:src|href)="(?!#)/)
    expect(content).not.toMatch(/url\((?!#)/)
    const addresses = content.match(/https?:\/\/[^"'\s<)]+/g) ?? []
    expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).toEqual([])
  })

  it('is the same text each time, but for when it was made', async () => {
    const undated = ({ content }: { content: string }) => content.replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/, '')
    expect(undated(await report())).toBe(undated(await report()))
    const ids = [...(await report()).content.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(ids.length).toBeGreaterThan(0)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has every chart that there are figures for', async () => {
    const { content } = await report()
    const titles = [...content.matchAll(/<figcaption>([^<]+)</g)].map(([, title]) => title)
    expect(titles).toEqual([
      'Scores with 95 % intervals',
      'Score against trained parameters',
      'Score against training (s)',
      'Learning curves: validation.accuracy',
      'Quality against layers dropped',
      'Time against layers dropped',
      'Fusion weights: fusion',
      'Calibration: accuracy against confidence',
      'Forgetting: rise of the masked-token loss',
    ])
    expect(content.match(/<div role="img" aria-label="[^"]+"><svg /g)).toHaveLength(titles.length)
    expect(content).toContain('Confusion matrix: seq_bn, reviews')
  })

  it('shows what each part of a method adds, with the formula', async () => {
    await addFinishedRun(at, {
      ...{ id: 'mixed', method: 'mam', family: 'mam', predicted: wrongAt(0) },
      analysis: {
        contributions: {
          parts: ['prefix', 'adapter'],
          changes: [
            [0.1, 0.25],
            [0, 0.5],
          ],
          ablations: [
            { without: [], scores: scores(0.9) },
            { without: ['prefix'], scores: scores(0.85) },
            { without: ['adapter'], scores: scores(0.6) },
            { without: ['prefix', 'adapter'], scores: scores(0.3) },
          ],
        },
      },
    })
    const { content } = await report({ runIds: ['a1', 'mixed'] })
    const titles = [...content.matchAll(/<figcaption>([^<]+)</g)].map(([, title]) => title)
    expect(titles).toContain('Change of each layer’s output by each part')
    expect(titles).toContain('Fall of the validation score with parts switched off')
    expect(content).toContain('without prefix: 5.00, without adapter: 30.00, without all parts: 60.00')
    const rows = [...content.matchAll(/<tr><td>mam<\/td>(.*?)<\/tr>/g)].map(([, cells = '']) =>
      cells
        .replaceAll(/<[^>]+>/g, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    )
    expect(rows).toEqual(
      expect.arrayContaining(['nothing 90.0 –', 'adapter 60.0 +30.00', 'all parts 30.0 +60.00']),
    )
    expect(content).toContain('the mean over the tokens of the validation rows of ‖h − h₋ₚ‖ / ‖h‖')
    const { content: csv } = await report({ runIds: ['a1', 'mixed'], format: 'csv' })
    const [head = '', first = '', second = ''] = csv.split('\r\n')
    const column = head.split(',').indexOf('validation without adapter')
    expect([first.split(',')[column], second.split(',')[column]]).toEqual(['', '0.6'])
  })

  it('says the answer, the figures with their uncertainty, hashes and how to run it again', async () => {
    const { content } = await report({ question: 'Which one?' })
    expect(content).toContain('On reviews, seq_bn scores highest: 95.0 ± 63.5 % accuracy.')
    expect(content).toContain('Which one?')
    expect(content).toContain('<b>95.0 ± 63.5</b>')
    expect(content).toContain('1.25 / 2.5')
    expect(content).toContain('0.250')
    expect(content).toMatch(/paired bootstrap/)
    expect(content).toContain('npm run workbench -- train --model tiny --dataset reviews --method seq_bn')
    expect(content).toContain('&quot;learningRate&quot;: 0.001')
  })

  it('shows names as they are, and never as markup', async () => {
    const { content } = await report({ title: '<i>title</i>', groupBy: 'run' })
    expect(content).toContain('&lt;i&gt;title&lt;/i&gt;')
    expect(content).not.toContain('<i>')
    expect(content).not.toContain('<b>&"fusion"')
  })

  it('has no path of this machine', async () => {
    expect((await report()).content).not.toContain(at.home)
  })
})

describe('a Markdown report', () => {
  it('has the tables, the best of a column in bold, and no markup from names', async () => {
    const { fileName, content } = await report({ format: 'markdown', groupBy: 'run' })
    expect(fileName).toBe('my-question.md')
    expect(content).toContain('# My question')
    expect(content).toContain(String.raw`\<b\>&"fusion"`)
    expect(content).toMatch(/\| \*\*100\.0 ± 0\.0\*\* \|/)
    expect(content).toContain('McNemar, exact')
  })
})

describe('a CSV report', () => {
  it('has a row for each run', async () => {
    const { content } = await report({ format: 'csv' })
    const lines = content.trimEnd().split('\r\n')
    expect(lines).toHaveLength(4)
    expect(lines[0]).toMatch(
      /^dataset,model,variant,method,family,run,name,seed,status,metric,split,score,mean/,
    )
    expect(lines[1]).toMatch(/^reviews,tiny,seq_bn,seq_bn,adapter,a1,a1,1,finished,accuracy,test,0\.9,0\.95,/)
    expect(lines[3]).toContain('"<b>&""fusion"""')
  })
})
