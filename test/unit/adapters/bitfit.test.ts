import { describe, expect, it } from 'vitest'

import type { BackboneConfig } from '../../../main/models/config.ts'
import { backboneTensors } from '../../../main/models/weights.ts'
import { prepared, smallConfig, smallConfigs } from '../../fixtures/computed.ts'
import { run, trainingFolderForEachTest } from '../../fixtures/training-run.ts'

const trained = (options: object = {}, config: BackboneConfig = smallConfig) =>
  prepared('bitfit', options, { config }).parameters

const folder = trainingFolderForEachTest()

describe('BitFit', () => {
  it('trains the biases of the backbone, layer norms’ as well, and nothing else', () => {
    const names = trained().map(({ name }) => name)
    expect(names.length).toBe(1 + 3 * 8)
    expect(names.every((name) => name.endsWith('.bias'))).toBe(true)
    expect(names).toContain('embeddings.LayerNorm.bias')
    const known = backboneTensors(smallConfig).map(({ name }) => name)
    expect(names.filter((name) => !known.includes(name))).toEqual([])
    expect(trained().every(({ group }) => group === 'backbone')).toBe(true)
  })

  it('trains only those of queries and the first feed-forward layer where asked to', () => {
    const names = trained({ biases: 'query+intermediate' }).map(({ name }) => name)
    expect(names).toEqual(
      [0, 1, 2].flatMap((layer) => [
        `encoder.layer.${layer}.attention.self.query.bias`,
        `encoder.layer.${layer}.intermediate.dense.bias`,
      ]),
    )
  })

  it('refuses that for a model that keeps them in one vector with others', () => {
    const { gpt2 } = smallConfigs
    expect(trained({}, gpt2).length).toBe(1 + 3 * 6)
    expect(() => trained({ biases: 'query+intermediate' }, gpt2)).toThrow(/"biases".*gpt2.*in one vector/)
    expect(() => trained({ biases: 'some' })).toThrow(/biases/)
  })

  it('changes the backbone, and learns', async () => {
    const heard = await run(
      folder.jobFor('bitfit', { method: 'bitfit', training: { epochs: 20, learningRate: 2e-2 } }),
    )
    const { messages, result } = heard
    const started = messages.find((message) => message.type === 'started')
    expect(result?.test?.accuracy).toBeGreaterThan(0.9)
    expect(started?.backboneHashBefore).toMatch(/^[0-9a-f]{64}$/)
    expect(result?.backboneHashAfter).not.toBe(started?.backboneHashBefore)
  })
})
