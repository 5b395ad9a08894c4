import { parseArgs } from 'node:util'

import { jobModels, type JobModel } from './checkpoint.ts'
import { chooseSides, type SideSpec } from './sides.ts'
import { sizeNames, type SizeName } from './sizes.ts'
import { clocks, type Clock } from './turns.ts'

/** What can be measured, in the order in which it is. */
export const parts = [
  'train',
  'infer',
  'job',
  'drop',
  'shared',
  'task-drop',
  'cache',
  'scaling',
  'growth',
  'together',
] as const
export type Part = (typeof parts)[number]

/** What the command line asks for; undefined where each part has its own default. */
export interface BenchFlags {
  parts: readonly Part[]
  sizes: readonly SizeName[] | undefined
  lengths: readonly number[] | undefined
  rounds: number | undefined
  threads: number
  /** Of steps and inference. */
  clock: Clock
  sides: readonly SideSpec[]
  /** Sides that are not installed are left out. */
  optional: boolean
  torchDevice: string
  models: readonly JobModel[]
  rows: number
  epochs: number | undefined
  /** Rising numbers of steps. */
  steps: readonly number[]
  json: boolean
}

/** @throws Error that names the flag and what it takes */
export function readFlags(args: readonly string[]): BenchFlags {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      size: { type: 'string' },
      length: { type: 'string' },
      rounds: { type: 'string' },
      threads: { type: 'string', default: '2' },
      clock: { type: 'string', default: 'wall' },
      sides: { type: 'string' },
      'torch-device': { type: 'string', default: 'cpu' },
      model: { type: 'string', default: 'starter-encoder' },
      rows: { type: 'string', default: '8000' },
      epochs: { type: 'string' },
      steps: { type: 'string', default: '100,1000,5000' },
      json: { type: 'boolean', default: false },
    },
  })
  const given = <Value>(text: string | undefined, read: (text: string) => Value): Value | undefined =>
    text === undefined ? undefined : read(text)
  const counts = (flag: string, text: string): number[] => text.split(',').map((part) => countOf(flag, part))
  return {
    parts: partsOf(flags.only),
    sizes: given(flags.size, (text) => namesOf('size', text, sizeNames)),
    lengths: given(flags.length, (text) => counts('length', text)),
    rounds: given(flags.rounds, (text) => countOf('rounds', text)),
    threads: countOf('threads', flags.threads),
    clock: clockOf(flags.clock, flags.threads),
    ...chooseSides(flags.sides),
    torchDevice: flags['torch-device'],
    models: namesOf('model', flags.model, jobModels),
    rows: countOf('rows', flags.rows),
    epochs: given(flags.epochs, (text) => countOf('epochs', text)),
    steps: counts('steps', flags.steps).toSorted((a, b) => a - b),
    json: flags.json,
  }
}

/** All of them where none is named; `step` is training steps by their other name. */
function partsOf(only: string | undefined): readonly Part[] {
  if (only === undefined) return parts
  const names = only.split(',').map((name) => (name === 'step' ? 'train' : name))
  return namesOf('only', names.join(','), parts)
}

function namesOf<Name extends string>(flag: string, text: string, known: readonly Name[]): Name[] {
  return text.split(',').map((name) => {
    const found = known.find((candidate) => candidate === name)
    if (found === undefined) throw new Error(`--${flag} takes ${known.join(', ')}, not "${name}"`)
    return found
  })
}

/** The time that several threads take together is no measure of how long a step takes. */
function clockOf(text: string, threads: string): Clock {
  const [clock = 'wall'] = namesOf('clock', text, clocks)
  if (clock === 'processor' && threads !== '1') {
    throw new Error('--clock processor counts the time of all threads together; it goes with --threads 1')
  }
  return clock
}

/** A whole number from 1. */
function countOf(flag: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new Error(`--${flag} takes whole numbers from 1, not "${text}"`)
}
