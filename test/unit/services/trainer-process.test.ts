import { describe, expect, it } from 'vitest'

import type { FromTrainerHost, ToTrainerHost } from '../../../main/ipc-messages.ts'
import { forkTrainer, keepLastLines, type TrainerExit } from '../../../main/services/trainer-process.ts'
import { relayTrainers } from '../../../main/services/trainer-relay.ts'
import type { FromTrainer } from '../../../main/training/messages.ts'

describe('the last lines of a process', () => {
  it('are put together from pieces, empty ones left out', () => {
    const lines = keepLastLines(3)
    for (const piece of ['on', 'e\ntwo\r\n', '\n', 'three\nfo', 'ur']) lines.add(piece)
    expect(lines.read()).toEqual(['two', 'three', 'four'])
  })

  it('do not grow with a line that never ends', () => {
    const lines = keepLastLines(2)
    for (let piece = 0; piece < 100; piece++) lines.add('x'.repeat(1000))
    expect(lines.read().join('').length).toBeLessThanOrEqual(10_000)
  })
})

describe('a forked trainer', () => {
  it('whose program is missing exits with the reason in its last lines', async () => {
    const trainer = forkTrainer('/no/such/trainer.js')()
    const exit = await new Promise<TrainerExit>((resolve) => trainer.onExit(resolve))
    expect(exit).toMatchObject({ code: 1, signal: undefined })
    expect(exit.lastLines.join('\n')).toMatch(/Cannot find module/)
    trainer.send({ type: 'pause' })
  })
})

describe('trainers that the host starts', () => {
  it('are told apart by their numbers, from spawn to exit', () => {
    const posted: ToTrainerHost[] = []
    const relay = relayTrainers((message) => posted.push(message))
    const [first, second] = [relay.spawn(), relay.spawn()]
    const heard: FromTrainer[] = []
    const exits: TrainerExit[] = []
    second.onMessage((message) => heard.push(message))
    second.onExit((exit) => exits.push(exit))
    second.send({ type: 'pause' })
    first.kill('SIGKILL')
    const answers: FromTrainerHost[] = [
      { type: 'trainer.spawned', trainer: 2, pid: 77 },
      { type: 'trainer.message', trainer: 1, message: { type: 'stopped' } },
      { type: 'trainer.message', trainer: 2, message: { type: 'paused' } },
      { type: 'trainer.exit', trainer: 2, code: 0, signal: undefined, lastLines: ['bye'] },
      { type: 'trainer.message', trainer: 2, message: { type: 'stopped' } },
    ]
    for (const answer of answers) relay.receive(answer)
    second.send({ type: 'stop' })
    expect(posted).toEqual([
      { type: 'trainer.spawn', trainer: 1 },
      { type: 'trainer.spawn', trainer: 2 },
      { type: 'trainer.send', trainer: 2, message: { type: 'pause' } },
      { type: 'trainer.kill', trainer: 1, signal: 'SIGKILL' },
    ])
    expect([first.pid, second.pid]).toEqual([undefined, 77])
    expect(heard).toEqual([{ type: 'paused' }])
    expect(exits).toEqual([{ code: 0, signal: undefined, lastLines: ['bye'] }])
  })
})
