import { beforeEach, describe, expect, it } from 'vitest'

import { WorkbenchError } from '../../../preload/contract.ts'
import { dataset, run } from './answers.ts'
import { stubbed } from './stubbed.ts'

const at = stubbed()
const { cli, inputOf } = at

beforeEach(() => {
  at.answers['runs.list'] = () => [run, { ...run, id: 'ffff0000' }, { ...run, id: 'eeee0000', name: 'other' }]
  at.answers['datasets.list'] = () => [dataset]
  at.answers['models.list'] = () => [{ id: 'm1', name: 'tiny', folder: '/models/tiny' }]
  for (const what of ['runs', 'datasets', 'models']) at.answers[`${what}.remove`] = () => undefined
})

describe('remove', () => {
  it.each([
    ['runs', 'other', 'eeee0000'],
    ['runs', 'ffff', 'ffff0000'],
    ['datasets', 'TREC', 'd1'],
    ['models', 'tiny', 'm1'],
  ])('takes one of the %s by name or the beginning of its id: %s', async (what, wanted, id) => {
    const { code, stdout } = await cli(what, 'remove', wanted, '--json')
    expect([code, JSON.parse(stdout)]).toEqual([0, { id, removed: true }])
    expect(inputOf(`${what}.remove`)).toEqual({ id })
  })

  it('does not guess which run is meant where several have the name', async () => {
    const { code, stderr } = await cli('runs', 'remove', run.name)
    expect([code, stderr]).toEqual([1, expect.stringContaining('abcd1234, ffff0000')])
    expect(inputOf('runs.remove')).toBeUndefined()
  })

  it('makes no folder known to forget it', async () => {
    const { code, stderr } = await cli('models', 'remove', '.')
    expect([code, stderr]).toEqual([1, expect.stringContaining('There is no model "."')])
    expect(inputOf('models.add')).toBeUndefined()
  })

  it('is refused in the words of the workbench', async () => {
    at.answers['datasets.remove'] = () => {
      throw new WorkbenchError('conflict', 'The run “a” (running) still needs this dataset.')
    }
    const { code, stderr } = await cli('datasets', 'remove', 'TREC')
    expect([code, stderr]).toEqual([1, expect.stringContaining('still needs this dataset')])
  })
})
