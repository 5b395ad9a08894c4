import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { verifyCase } from '../../../main/verify.ts'
import { checkBatchSizes } from '../../../main/verify/golden-feeds.ts'
import { CaseExpected, extrasOf } from '../../../main/verify/golden-files.ts'

const cases = fileURLToPath(new URL('../../golden/cases/', import.meta.url))

let scratch: string
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'workbench-golden-case-'))
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** A copy of a case in which one text of a file is another. */
function altered(name: string, file: string, from: string | RegExp, to: string): string {
  const folder = mkdtempSync(join(scratch, `${name}-`))
  cpSync(join(cases, name), folder, { recursive: true })
  const before = readFileSync(join(folder, file), 'utf8')
  const after = before.replace(from, to)
  expect(after).not.toBe(before)
  writeFileSync(join(folder, file), after)
  return folder
}

const problemsOf = async (folder: string): Promise<string[]> => (await verifyCase(folder)).problems

describe('a case with BatchSplit', () => {
  it.each([
    ['has no sizes', /,\s*batch_sizes=\[1,\s*2\]/, '', /BatchSplit\[a, b\]: its batch_sizes are missing/],
    [
      'leaves a row out',
      /batch_sizes=\[1,\s*2\]/,
      'batch_sizes=[1,1]',
      /batch_sizes 1, 1 do not split the 3 rows/,
    ],
    [
      'has one size of a half',
      /batch_sizes=\[1,\s*2\]/,
      'batch_sizes=1.5',
      /batch_sizes 1\.5, 1\.5 do not split/,
    ],
    ['has a size too many', /batch_sizes=\[1,\s*2\]/, 'batch_sizes=[1,1,1]', /among 2 children/],
  ])('is refused where it %s', async (_what, from, to, problem) => {
    const { ok, problems } = await verifyCase(altered('bert_batch_split', 'config.json', from, to))
    expect(ok).toBe(false)
    expect(problems).toEqual([expect.stringMatching(problem)])
  })

  it('counts the rows of an inner split by the size of its child', () => {
    const inner = { kind: 'batchSplit' as const, children: ['b', 'c'], sizes: [1, 2] }
    const outer = { kind: 'batchSplit' as const, children: ['a', inner], sizes: [1, 3] }
    expect(() => checkBatchSizes(outer, 4)).not.toThrow()
    expect(() => checkBatchSizes({ ...outer, sizes: [2, 2] }, 4)).toThrow(/BatchSplit\[b, c\].*the 2 rows/)
    expect(() => checkBatchSizes({ kind: 'parallel', children: ['a', inner] }, 3)).not.toThrow()
  })
})

describe('a case whose head is the model’s own', () => {
  const distilbert = 'more_distilbert_sequence_classification'
  it.each([
    ['another class', '"DistilBertForSequenceClassification"', '"DistilBertForTokenClassification"'],
    ['regression', '"problem_type": null', '"problem_type": "regression"'],
    ['one label', /"id2label": \{[^}]*\}/, '"id2label": {"0": "LABEL_0"}'],
  ])('is refused for %s, naming the class', async (_what, from, to) => {
    const { ok, problems } = await verifyCase(altered(distilbert, 'config.json', from, to))
    expect(ok).toBe(false)
    expect(problems).toEqual([expect.stringMatching(/^DistilBertFor\w+ .*supported/)])
  })
})

describe('expected.json', () => {
  it('is held to what it says of a LoRA without its scale, and of merged weights', async () => {
    for (const key of ['logits_unpatched_v0_2_2', 'loss_unpatched_v0_2_2', 'logits_merged', 'logits_f64']) {
      const folder = altered(
        'bert_ia3',
        'expected.json',
        new RegExp(`("${key}": [[\\s]*)-?\\d+\\.\\d+`),
        '$17.5',
      )
      expect(await problemsOf(folder), key).toEqual([
        expect.stringMatching(new RegExp(`^${key}: differs by`)),
      ])
    }
  })

  it('has logits that nothing computes named', async () => {
    const folder = altered('bert_seq_bn', 'expected.json', '{', '{"logits_after_reset": [[1, 2, 3]],')
    expect(await problemsOf(folder)).toEqual([
      'logits_after_reset of expected.json: nothing here computes what it says',
    ])
  })

  it('gives rows of numbers and losses, not what tells of the case', () => {
    const extras = extrasOf(
      CaseExpected.parse({
        trainable: ['a'],
        trainable_count: 3,
        loss_f64: 0.5,
        logits_merged: [
          [1, 2],
          [3, 4],
        ],
        loss_per_step: [1, 2],
        no_grad_although_trainable: [],
        grad_absmax: { a: 1 },
        after3_params_worst: [[1, 'a']],
      }),
    )
    expect(Object.fromEntries(extras)).toEqual({
      loss_f64: [0.5],
      logits_merged: [1, 2, 3, 4],
      loss_per_step: [1, 2],
    })
  })
})

describe('a fusion with a falling temperature', () => {
  it('is told from one whose temperature stays', async () => {
    const folder = altered(
      'more_bert_fusion_temperature',
      'config.json',
      '"temperature": true',
      '"temperature": false',
    )
    expect((await problemsOf(folder)).some((problem) => problem.startsWith('fusion_attn.'))).toBe(true)
  })
})

describe('states of the frozen part', () => {
  it('are what the step is computed on once more, where a run keeps them', async () => {
    const { maxAbs } = await verifyCase(join(cases, 'bert_seq_bn'))
    expect(Object.keys(maxAbs)).toEqual(
      expect.arrayContaining(['cached.loss', 'cached.logits', 'cached.grad.heads.a.1.weight']),
    )
  })

  it('are not kept where all is trained, nor of a mask with holes', async () => {
    const holes = altered('bert_seq_bn', 'inputs.json', /("attention_mask": \[\[1, )1/, '$10')
    for (const folder of [join(cases, 'bert_full_finetune'), holes]) {
      const { maxAbs } = await verifyCase(folder)
      expect(Object.keys(maxAbs).filter((name) => name.startsWith('cached.'))).toEqual([])
    }
  })
})
