import { describe, expect, it } from 'vitest'

import { parts, readFlags } from '../../../bench/flags.ts'
import { ifThere, toleranceOf } from '../../../bench/sides.ts'

describe('the flags of the bench', () => {
  it('ask for every part with the sides of a machine without a graphics card unless they say otherwise', () => {
    const flags = readFlags([])
    expect(flags.parts).toEqual(parts)
    expect(flags.sides.map(({ name }) => name)).toEqual(['cut', 'int8', 'tensorflow'])
    expect(flags).toMatchObject({ optional: true, threads: 2, models: ['starter-encoder'], json: false })
    expect(flags.sizes).toBeUndefined()
  })

  it('pick parts, sizes, lengths and steps, which are put in order', () => {
    const flags = readFlags(
      '--only step,together --size tiny,base --length 64,128 --steps 50,10 --rounds 3'.split(' '),
    )
    expect(flags).toMatchObject({
      parts: ['train', 'together'],
      sizes: ['tiny', 'base'],
      lengths: [64, 128],
      steps: [10, 50],
      rounds: 3,
    })
  })

  it('take the time of the processor in place of the wall’s', () => {
    expect(readFlags([]).clock).toBe('wall')
    expect(readFlags('--threads 1 --clock processor'.split(' ')).clock).toBe('processor')
  })

  it('name every engine and device by one word', () => {
    const { sides, optional } = readFlags(['--sides', 'all'])
    expect(optional).toBe(true)
    expect(sides.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['cut', 'whole', 'int8', 'tensorflow:tensorflow', 'tensorflow:wasm']),
    )
  })

  it('take a device by its engine’s name, which then has to be there', () => {
    const { sides, optional } = readFlags(['--sides', 'tensorflow:wasm'])
    expect(optional).toBe(false)
    expect(sides).toEqual([
      {
        name: 'tensorflow:wasm',
        engine: 'tensorflow',
        device: 'wasm',
        precision: 'float32',
        lastLayer: 'cut',
      },
    ])
  })

  it.each([
    [['--only', 'speed'], /--only takes train, .*not "speed"/],
    [['--size', 'tiny,huge'], /--size takes tiny, .*not "huge"/],
    [['--rounds', '0'], /--rounds takes whole numbers from 1, not "0"/],
    [['--length', '64,long'], /--length takes whole numbers from 1, not "long"/],
    [['--model', 'bert'], /--model takes starter-encoder, .*not "bert"/],
    [['--sides', 'abacus'], /there is no side "abacus"; there are all, cut, /],
    [['--speed'], /--speed/],
    [['--clock', 'sun'], /--clock takes wall, processor, not "sun"/],
    [['--clock', 'processor'], /it goes with --threads 1/],
  ])('refuse %j', (args, message) => {
    expect(() => readFlags(args)).toThrow(message)
  })
})

describe('a side that cannot be had', () => {
  const [side] = readFlags(['--sides', 'tensorflow:webgpu']).sides
  if (!side) throw new Error('no side')
  const open = () => Promise.reject(new Error('there is no card'))

  it('is left out where it was not named by itself', async () => {
    expect(await ifThere(side, { optional: true }, open)).toBeUndefined()
  })

  it('ends the bench where it was', async () => {
    await expect(ifThere(side, { optional: false }, open)).rejects.toThrow('there is no card')
  })
})

it('a processor in float32 is held to PyTorch’s numbers more closely than a card, and int8 least', () => {
  const [cut, int8, card] = readFlags(['--sides', 'cut,int8,onnxruntime:webgpu']).sides.map(toleranceOf)
  expect(cut).toBeLessThan(card ?? 0)
  expect(card).toBeLessThan(int8 ?? 0)
})
