import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { sweepHome } from '../../../main/services/sweep.ts'
import { configOf, openRunsHome, removeHome, type RunsHome } from '../../fixtures/runs-home.ts'

let at: RunsHome
beforeEach(() => {
  at = openRunsHome()
})
afterEach(async () => {
  await at.close()
  removeHome(at.home)
})

function put(path: string): void {
  const file = join(at.home, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, 'content')
}

it('removes folders of runs that are gone and half-written files, and nothing else', async () => {
  const { id } = await at.runs['runs.start'](configOf({ steps: 10 }))
  await at.reaches(id, 'finished')
  const kept = readdirSync(join(at.home, 'runs', id))
  put('runs/gone/latest/weights')
  put(`runs/${id}/latest.json.1.ab.tmp`)
  put(`runs/${id}/deeper/best.2.cd.tmp`)
  put('cache/backbone')
  put('cache/backbone.3.ef.tmp')
  put('datasets/rows')
  const removed = await sweepHome(at.database, at.home)
  expect(removed.sort()).toEqual(
    [
      join('cache', 'backbone.3.ef.tmp'),
      join('runs', id, 'deeper', 'best.2.cd.tmp'),
      join('runs', id, 'latest.json.1.ab.tmp'),
      join('runs', 'gone'),
    ].sort(),
  )
  expect(readdirSync(join(at.home, 'runs'))).toEqual([id])
  expect(readdirSync(join(at.home, 'runs', id)).sort()).toEqual([...kept, 'deeper'].sort())
  for (const file of ['cache/backbone', 'datasets/rows', 'workbench.sqlite']) {
    expect(existsSync(join(at.home, file))).toBe(true)
  }
})

it('has nothing to do in a new home', async () => {
  expect(await sweepHome(at.database, at.home)).toEqual([])
})
