/**
 * `npm run results`: trains every method on the real data with the program's own services and writes docs/results.md.
 * It can be interrupted at any time: what is done is kept, and the run that goes on is resumed by the next call.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { assetsFolder } from '../main/assets.ts'
import type { Client } from '../main/cli/client.ts'
import { withWorkbench } from '../main/cli/context.ts'
import { createWorkbench } from '../main/services/index.ts'
import { forkTrainer } from '../main/services/trainer-process.ts'
import { onStopSignal } from '../main/signals.ts'
import { allCells, keyOf, methods, type Cell } from './results/plan.ts'
import { report } from './results/report.ts'
import { openRows } from './results/rows.ts'
import { completeCell, present, SetAside } from './results/train.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

const { values: flags } = parseArgs({
  options: {
    hours: { type: 'string' },
    minutes: { type: 'string' },
    encoder: { type: 'string' },
    task: { type: 'string' },
    method: { type: 'string' },
    seeds: { type: 'string' },
    threads: { type: 'string', default: '1' },
    /** Runs that are trained at once. */
    runs: { type: 'string', default: '1' },
    /** Where runs and rows are kept. */
    folder: { type: 'string', default: path('../.cache/results') },
    shared: { type: 'string', default: path('../../shared') },
    /** Only write the page. */
    report: { type: 'boolean', default: false },
    page: { type: 'string', default: path('../docs/results.md') },
  },
})

function numberOf(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${flag} takes a number above 0, not "${text}"`)
  return value
}

function wanted(flag: string | undefined, value: string): boolean {
  return flag === undefined || flag.split(',').includes(value)
}

/** A title may hold a comma: a flag that is one means that method alone. */
function isWantedMethod({ title, name }: Cell['method']): boolean {
  if (methods.some((method) => method.title === flags.method)) return title === flags.method
  return wanted(flags.method, title) || wanted(flags.method, name)
}

function isWanted({ encoder, task, method, seed }: Cell): boolean {
  return (
    wanted(flags.encoder, encoder) &&
    wanted(flags.task, task) &&
    isWantedMethod(method) &&
    wanted(flags.seeds, String(seed))
  )
}

function say(line: string): void {
  process.stderr.write(`${new Date().toTimeString().slice(0, 8)} ${line}\n`)
}

async function main(): Promise<number> {
  mkdirSync(flags.folder, { recursive: true })
  const rows = openRows(`${flags.folder}/rows.json`)
  const write = (): void => writeFileSync(flags.page, report(rows.all()))
  if (flags.report) {
    write()
    return 0
  }
  const threads = numberOf('threads', flags.threads)
  const runs = numberOf('runs', flags.runs)
  const minutes =
    (flags.hours === undefined ? 0 : 60 * numberOf('hours', flags.hours)) +
    (flags.minutes === undefined ? 0 : numberOf('minutes', flags.minutes))
  const deadline = minutes > 0 ? performance.now() + minutes * 60_000 : Infinity
  let signalled = false
  const release = onStopSignal(() => {
    signalled = true
    say('stopping: the run that goes on is set aside and resumed by the next call …')
  })
  const stopped = (): boolean => signalled || performance.now() > deadline
  const home = `${flags.folder}/home`
  mkdirSync(home, { recursive: true })
  const openWorkbench = () =>
    createWorkbench({ home, host: 'cli', assets: assetsFolder(), spawnTrainer: forkTrainer() })
  const failed: string[] = []
  const trainAll = async (client: Client): Promise<void> => {
    const known = await client.invoke('methods.list', {})
    const planned = present(methods, known)
    const absent = methods.filter((method) => !planned.includes(method)).map(({ title }) => title)
    if (absent.length > 0) say(`not in this version: ${absent.join(', ')}`)
    const scratch = `${flags.folder}/data`
    const context = { client, rows, shared: flags.shared, scratch, threads, stopped, say, begun: new Map() }
    await client.invoke('runs.setConcurrency', { device: 'cpu', runs })
    const cells = allCells(planned).filter(isWanted).values()
    /** Takes one cell after another from those that are left. */
    const work = async (): Promise<void> => {
      for (const cell of cells) {
        if (stopped()) break
        try {
          await completeCell(context, cell)
          write()
        } catch (error) {
          if (error instanceof SetAside) {
            if (!stopped()) failed.push(`${keyOf(cell)}: ${error.message}`)
          } else {
            // The others may do well all the same; the next call tries this one again.
            failed.push(`${keyOf(cell)}: ${error instanceof Error ? error.message : String(error)}`)
            say(failed.at(-1) ?? '')
          }
        }
      }
    }
    await Promise.all(Array.from({ length: runs }, work))
  }
  try {
    await withWorkbench({ openWorkbench }, { home }, trainAll)
  } finally {
    release()
    write()
  }
  if (failed.length > 0) say(`failed:\n${failed.join('\n')}`)
  return failed.length > 0 ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
