import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { assetsFolder } from '../../../main/assets.ts'
import { attachOrOpen, type Connection } from '../../../main/attach.ts'
import { createWorkbench } from '../../../main/services/index.ts'
import { forkTrainer } from '../../../main/services/trainer-process.ts'
import type { Comparison, ExperimentPlan, ExperimentSummary } from '../../../preload/contract.ts'
import { scriptedTrainer } from '../../fixtures/runs-home.ts'
import { runProgram, type Ended } from './program.ts'

/** The commands attach to a real workbench of this process, whose trainers are scripted. */
let home: string
let connection: Connection

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'workbench-cli-experiment-'))
  connection = await attachOrOpen(home, () =>
    createWorkbench({
      home,
      host: 'server',
      assets: assetsFolder(),
      spawnTrainer: forkTrainer(scriptedTrainer),
      limits: { interval: 10 },
    }),
  )
  await connection.invoke('datasets.addSamples', {})
})

afterEach(async () => {
  await connection.close()
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
})

const cli = (...args: string[]): Promise<Ended> => runProgram(args, { home })

/** An experiment of two variants on one sample, as a file. */
async function experimentFile(change: object = {}): Promise<string> {
  const [dataset] = (await connection.invoke('datasets.list', {})) as { name: string }[]
  const file = join(home, 'experiment.json')
  writeFileSync(
    file,
    JSON.stringify({
      name: 'small',
      modelIds: ['starter'],
      datasetIds: [dataset?.name],
      seeds: [1, 2],
      variants: [
        { name: 'Adapter', method: { name: 'seq_bn' } },
        { name: 'Head', method: { name: 'head' } },
      ],
      ...change,
    }),
  )
  return file
}

describe('experiment', () => {
  it('runs from a file to its end, compares, and writes a report', async () => {
    const report = join(home, 'report.html')
    const ended = await cli(
      'experiment',
      'run',
      '--config',
      await experimentFile(),
      '--report',
      report,
      '--json',
    )
    expect(ended.stderr).toContain('4 runs')
    expect(ended.code).toBe(0)
    const { experiment, comparison } = JSON.parse(ended.stdout) as {
      experiment: ExperimentSummary
      comparison: Comparison
    }
    expect(experiment).toMatchObject({ name: 'small', status: 'finished', counts: { finished: 4 } })
    expect(comparison.groups.map(({ name, runs }) => [name, runs.length])).toEqual([
      ['Adapter', 2],
      ['Head', 2],
    ])
    expect(readFileSync(report, 'utf8')).toContain('experiment run --config experiment.json')

    const listed = await cli('experiment', 'status')
    expect(listed.stdout).toMatch(/small\s+finished\s+4\/4/)
    const shown = await cli('experiment', 'status', 'small')
    expect(shown.stdout).toMatch(/Adapter\s+\S.*finished/)
    const written = await cli('experiment', 'report', 'small', '--output', join(home, 'report.csv'))
    expect(written.stderr).toContain('report.csv')
    expect(readFileSync(join(home, 'report.csv'), 'utf8').trimEnd().split('\r\n')).toHaveLength(5)
  })

  it('only says what it comes to where that is asked for', async () => {
    const ended = await cli('experiment', 'run', '--config', await experimentFile(), '--plan', '--json')
    const plan = JSON.parse(ended.stdout) as ExperimentPlan
    expect(plan.total).toBe(4)
    expect(plan.runs[0]?.trainableParameters).toBeGreaterThan(1000)
    expect(await connection.invoke('experiments.list', {})).toEqual([])
  })

  it('plans the default experiment on named datasets', async () => {
    const names = ((await connection.invoke('datasets.list', {})) as { name: string }[]).map(
      ({ name }) => name,
    )
    const ended = await cli('experiment', 'run', '--datasets', names.join(','), '--seeds', '5', '--plan')
    expect(ended.stdout).toMatch(/Fusion\s+fusion\s+3/)
    expect(ended.stdout).toContain('24 runs')
  })

  it('fails where runs failed, and says how to try again', async () => {
    // A run is called by its dataset first; the scripted trainer takes such a name for its script, and dies of it.
    const path = join(home, 'rows.csv')
    const rows = Array.from({ length: 40 }, (_, row) => `text ${row},${row % 2 ? 'odd' : 'even'}`)
    writeFileSync(path, ['text,label', ...rows].join('\n'))
    await connection.invoke('datasets.import', { name: '{broken', files: [{ path, split: 'train' }] })
    const file = await experimentFile({ name: 'broken', datasetIds: ['{broken'], seeds: [1] })
    const ended = await cli('experiment', 'run', '--config', file, '--json')
    expect(ended.code).toBe(1)
    expect(JSON.parse(ended.stdout)).toMatchObject({ experiment: { status: 'failed' }, comparison: {} })
    expect(ended.stderr).toMatch(/2 of 2 runs have not finished.*experiment retry/s)
    const shown = await cli('experiment', 'status', 'broken')
    expect(shown.stdout).toMatch(/failed\s.*The trainer process ended with exit code/)
  })

  it('is refused with what is wrong in it', async () => {
    const bad = await experimentFile({ variants: [{ name: 'a', method: { name: 'magic' } }] })
    const refused = await cli('experiment', 'run', '--config', bad)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('a: there is no method “magic”')
  })

  it.each([
    [['run'], /Give either --config/],
    [['run', '--config', 'nowhere.json'], /nowhere\.json/],
    [['report', 'x', '--output', 'report.html'], /There is no experiment "x"/],
  ])('refuses %j', async (args, message) => {
    const ended = await cli('experiment', ...args)
    expect(ended.code).toBeGreaterThan(0)
    expect(ended.stderr).toMatch(message)
  })
})

describe('compare and runs export', () => {
  it('put runs side by side and write them as CSV', async () => {
    await cli('experiment', 'run', '--config', await experimentFile())
    const screen = await cli('compare', '--experiment', 'small')
    expect(screen.stdout).toMatch(/accuracy on test rows/)
    expect(screen.stdout).toMatch(/Adapter\s+starter/)
    const json = await cli('compare', '--experiment', 'small', '--by', 'run', '--metric', 'macroF1', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ metric: 'macroF1', groups: { length: 4 } })
    const html = join(home, 'compare.html')
    expect((await cli('compare', '--experiment', 'small', '--html', html)).stderr).toContain('compare.html')
    expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>/)
    expect((await cli('compare')).code).toBe(2)

    const runs = join(home, 'runs.csv')
    expect((await cli('runs', 'export', '--output', runs)).stdout).toContain('4 rows of 4 runs')
    expect(readFileSync(runs, 'utf8')).toMatch(/^run,name,status,method/)
    const metrics = join(home, 'metrics.csv')
    await cli('runs', 'export', '--output', metrics, '--what', 'metrics', '--names', 'train.loss')
    const lines = readFileSync(metrics, 'utf8').trimEnd().split('\r\n')
    expect(lines[0]).toBe('run,metric,step,value')
    expect(lines).toHaveLength(1 + 4 * 30)

    const imported = await cli('runs', 'import', metrics, '--tag', 'old', '--json')
    expect(JSON.parse(imported.stdout)).toMatchObject({ length: 4, 0: { imported: true, tags: ['old'] } })
  })

  it('refuse runs that are not there', async () => {
    const ended = await cli('compare', 'nothing')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('There is no run "nothing"')
  })
})
