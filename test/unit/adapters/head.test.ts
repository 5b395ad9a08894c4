import { describe, expect, it } from 'vitest'

import { HeadChoice } from '../../../preload/contract.ts'
import {
  classificationHead,
  distilbertHead,
  poolerHead,
  robertaHead,
  scoreHead,
} from '../../../main/adapters/head.ts'
import type { BackboneConfig } from '../../../main/models/config.ts'
import { compute, difference, prepared, smallConfigs, threeTexts } from '../../fixtures/computed.ts'

const only = (architecture: BackboneConfig['architecture'], pooling?: HeadChoice['pooling']) =>
  classificationHead(HeadChoice.parse({ pooling }), smallConfigs[architecture], 3, 'task').only

describe('classificationHead', () => {
  it('reads the token that suits the backbone, unless another is chosen', () => {
    expect(only('bert')).toBe('first')
    expect(only('roberta')).toBe('first')
    expect(only('distilbert')).toBe('first')
    expect(only('gpt2')).toBe('last')
    expect(only('bert', 'last')).toBe('last')
    expect(only('gpt2', 'mean')).toBeUndefined()
  })

  it('begins as the backbone’s own layers did', () => {
    const { parameters } = classificationHead(
      HeadChoice.parse({}),
      { ...smallConfigs.bert, initializerRange: 0.1 },
      3,
      'task',
    )
    expect(parameters.map(({ initialization }) => initialization)).toEqual([
      { kind: 'normal', deviation: 0.1 },
      { kind: 'constant', value: 0 },
      { kind: 'normal', deviation: 0.1 },
      { kind: 'constant', value: 0 },
    ])
  })

  it('has as many layers as are asked for, under the library’s names', () => {
    const names = (layers: number): string[] =>
      classificationHead(HeadChoice.parse({ layers }), smallConfigs.bert, 3, 'task').parameters.map(
        ({ name, shape }) => `${name} [${shape.join(', ')}]`,
      )
    const hidden = smallConfigs.bert.hiddenSize
    expect(names(1)).toEqual([`heads.task.1.weight [3, ${hidden}]`, 'heads.task.1.bias [3]'])
    expect(names(3).filter((name) => name.includes('weight'))).toEqual([
      `heads.task.1.weight [${hidden}, ${hidden}]`,
      `heads.task.4.weight [${hidden}, ${hidden}]`,
      `heads.task.7.weight [3, ${hidden}]`,
    ])
  })

  it('computes another non-linearity between its layers where one is chosen', async () => {
    const method = prepared('head')
    const logits = async (head: Partial<HeadChoice>) => (await compute(method, { head }))['logits']
    const tanh = await logits({})
    expect(difference(await logits({ activation: 'tanh' }), tanh)).toBe(0)
    expect(difference(await logits({ activation: 'relu' }), tanh)).toBeGreaterThan(1e-4)
    expect(difference(await logits({ activation: 'relu', layers: 1 }), await logits({ layers: 1 }))).toBe(0)
  })

  it.each(['first', 'last', 'mean'] as const)(
    'reads of a text nothing of its padding: %s',
    async (pooling) => {
      const method = prepared('head')
      const all = await compute(method, { head: { pooling } })
      for (const [row, text] of threeTexts.entries()) {
        const alone = await compute(method, { head: { pooling }, texts: [text] })
        expect(difference(all['logits']?.slice(3 * row, 3 * row + 3), alone['logits'])).toBeLessThan(1e-5)
      }
    },
  )

  it.each(['last', 'mean'] as const)(
    'scores an empty text of GPT-2, which has no token: %s',
    async (pooling) => {
      const config = smallConfigs.gpt2
      const texts = [[2, 7, 9], []]
      const method = prepared('masked', { mask_share: 0, use_gating: true }, { config })
      const outputs = await compute(method, { config, head: { pooling }, texts, training: () => 1 })
      expect([...(outputs['logits'] ?? [])].every(Number.isFinite)).toBe(true)
      expect([...(outputs['gradient'] ?? [])].every(Number.isFinite)).toBe(true)
    },
  )

  it('refuses the first token of a backbone in which it sees no other', () => {
    expect(() => only('gpt2', 'first')).toThrow(
      'head.pooling "first": the first token of this model sees no other',
    )
  })
})

describe('heads of Hugging Face’s own classes', () => {
  const named = ({ parameters }: { parameters: readonly { name: string; shape: readonly number[] }[] }) =>
    parameters.map(({ name, shape }) => `${name} [${shape.join(', ')}]`)

  it('have the parameters of their class, under its names', () => {
    const { bert, roberta, distilbert, gpt2 } = smallConfigs
    expect(named(poolerHead(bert, 3, false))).toEqual([
      `classifier.weight [3, ${bert.hiddenSize}]`,
      'classifier.bias [3]',
    ])
    expect(named(robertaHead(roberta, 3))).toEqual([
      `classifier.dense.weight [${roberta.hiddenSize}, ${roberta.hiddenSize}]`,
      `classifier.dense.bias [${roberta.hiddenSize}]`,
      `classifier.out_proj.weight [3, ${roberta.hiddenSize}]`,
      'classifier.out_proj.bias [3]',
    ])
    expect(named(distilbertHead(distilbert, 3))).toEqual([
      `pre_classifier.weight [${distilbert.hiddenSize}, ${distilbert.hiddenSize}]`,
      `pre_classifier.bias [${distilbert.hiddenSize}]`,
      `classifier.weight [3, ${distilbert.hiddenSize}]`,
      'classifier.bias [3]',
    ])
    expect(named(scoreHead(gpt2, 3))).toEqual([`score.weight [3, ${gpt2.hiddenSize}]`])
    expect(scoreHead(gpt2, 3).only).toBe('last')
  })
})
