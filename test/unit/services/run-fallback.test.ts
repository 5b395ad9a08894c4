import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { configOf, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let at: RunsHome
beforeEach(() => {
  at = openRunsHome()
})
afterEach(async () => {
  await at.close()
  removeHome(at.home)
})

const allowed = { engine: { fallbackToCpu: true } }
/** Its checkpoints are those of steps 10 and 20. */
const lost = { steps: 30, device: 'webgpu', loseAt: 16 }

const textOf = async (id: string): Promise<string> =>
  (await at.runs['runs.log']({ id, after: 0 })).map(({ level, text }) => `${level}: ${text}`).join('\n')

describe('a run whose device fails', () => {
  it('goes on from the last checkpoint on cpu where that is allowed, and ends like one that did not fail', async () => {
    const whole = await at.runs['runs.start'](configOf({ steps: 30 }))
    const { id } = await at.runs['runs.start'](configOf(lost, allowed))
    await at.reaches(id, 'finished')
    expect(await at.runs['runs.metrics']({ id })).toEqual(await at.runs['runs.metrics']({ id: whole.id }))
    const { environment } = await at.runs['runs.get']({ id })
    expect(environment).toMatchObject({
      device: 'cpu',
      deviceReason: 'scripted on webgpu had failed.',
      failedDevice: {
        engine: 'scripted',
        device: 'webgpu',
        hardware: 'a card',
        savedStep: 10,
        reason: 'scripted on webgpu failed in a run: the device was lost',
      },
    })
    expect(environment).not.toHaveProperty('hardware')
    expect(await textOf(id)).toMatch(
      /warning: scripted on webgpu failed in a run: the device was lost\. The run goes on on cpu from step 10, as was allowed/,
    )
  })

  it('begins anew on cpu where it had no checkpoint yet', async () => {
    const { id } = await at.runs['runs.start'](configOf({ ...lost, loseAt: 4 }, allowed))
    await at.reaches(id, 'finished')
    expect((await at.runs['runs.get']({ id })).environment?.failedDevice?.savedStep).toBe(0)
  })

  it.each([
    ['crashes', { crashAt: 16, signal: 'SIGSEGV' }, /crashed \(SIGSEGV\)/],
    ['exits', { exitAt: 16 }, /exit code 7/],
  ])('goes on on cpu as well where its driver takes the process with it: it %s', async (_, how, reason) => {
    const { id } = await at.runs['runs.start'](configOf({ steps: 30, device: 'webgpu', ...how }, allowed))
    await at.reaches(id, 'finished')
    expect((await at.runs['runs.get']({ id })).environment?.failedDevice?.reason).toMatch(reason)
  })

  it('goes on on cpu as well where the device hangs', async () => {
    await at.close()
    at = openRunsHome({ home: at.home, limits: { silence: 600 } })
    const { id } = await at.runs['runs.start'](configOf({ steps: 20, device: 'webgpu', hangAt: 12 }, allowed))
    await at.reaches(id, 'finished')
    expect((await at.runs['runs.get']({ id })).environment?.failedDevice?.reason).toMatch(/no sign of life/)
  })

  it('stays on cpu when it is paused and resumed then', async () => {
    const { id } = await at.runs['runs.start'](configOf({ ...lost, steps: 1000, stepMs: 2 }, allowed))
    await at.reachesStep(id, 20)
    await at.runs['runs.pause']({ id })
    await at.runs['runs.resume']({ id })
    await at.reachesStep(id, 40)
    await at.runs['runs.stop']({ id })
    expect((await at.runs['runs.get']({ id })).environment).toMatchObject({
      device: 'cpu',
      deviceReason: 'scripted on webgpu had failed.',
      failedDevice: { device: 'webgpu' },
    })
  })
})

describe('a run that does not go on by itself', () => {
  it('says that it can be resumed on cpu, and goes on there when it is', async () => {
    const whole = await at.runs['runs.start'](configOf({ steps: 30 }))
    const { id } = await at.runs['runs.start'](configOf(lost))
    const failed = await at.reaches(id, 'failed')
    expect(failed.error).toBe(
      'scripted on webgpu failed in a run: the device was lost. It can be resumed on cpu; with engine.fallbackToCpu a run does so by itself.',
    )
    expect(failed.resumable).toBe(true)
    await at.runs['runs.resume']({ id, onCpu: true })
    await at.reaches(id, 'finished')
    expect(await at.runs['runs.metrics']({ id })).toEqual(await at.runs['runs.metrics']({ id: whole.id }))
    expect((await at.runs['runs.get']({ id })).environment).toMatchObject({
      device: 'cpu',
      failedDevice: { device: 'webgpu', savedStep: 10, reason: failed.error },
    })
  })

  it.each([
    ['was on cpu', { steps: 30, crashAt: 16, signal: 'SIGSEGV' }],
    ['was killed from outside', { steps: 30, device: 'webgpu', crashAt: 16, signal: 'SIGKILL' }],
    ['failed for another reason', { steps: 30, device: 'webgpu', failAt: 16 }],
  ])('%s', async (_, options) => {
    const { id } = await at.runs['runs.start'](configOf(options, allowed))
    const failed = await at.reaches(id, 'failed')
    expect(failed.error).not.toMatch(/on cpu/)
    expect((await at.runs['runs.get']({ id })).environment).not.toHaveProperty('failedDevice')
  })
})

describe('a run that goes on with the device it began with', () => {
  it('keeps the reason why that was chosen', async () => {
    const engine = { engine: 'onnxruntime', device: 'auto' }
    const { id } = await at.runs['runs.start'](configOf({ steps: 1000, stepMs: 2 }, { engine }))
    await at.reachesStep(id, 12)
    await at.runs['runs.pause']({ id })
    await at.runs['runs.resume']({ id })
    await at.reachesStep(id, 30)
    await at.runs['runs.stop']({ id })
    expect((await at.runs['runs.get']({ id })).environment?.deviceReason).toBe('It is scripted.')
  })
})
