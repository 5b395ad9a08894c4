import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { readWindowState, restoreWindowState, writeWindowState } from '../../../main/electron/window-state.ts'

const primary = { x: 0, y: 25, width: 1920, height: 1055 }
const right = { x: 1920, y: 0, width: 1280, height: 1024 }
const saved = { x: 2000, y: 100, width: 1000, height: 700, maximized: false }

describe('restoring the window', () => {
  it('opens where it was left', () => {
    expect(restoreWindowState(saved, [primary, right])).toEqual(saved)
  })

  it('keeps that it was maximized', () => {
    expect(restoreWindowState({ ...saved, maximized: true }, [primary, right]).maximized).toBe(true)
  })

  it('lets the system place it when its display is gone', () => {
    expect(restoreWindowState(saved, [primary])).toEqual({ width: 1000, height: 700, maximized: false })
  })

  it.each([
    ['left of every display', { x: -950, y: 100 }],
    ['with the upper edge above every display', { x: 100, y: -100 }],
    ['below every display', { x: 100, y: 1070 }],
  ])('lets the system place it when it lay %s', (_where, place) => {
    expect(restoreWindowState({ ...saved, ...place }, [primary])).not.toHaveProperty('x')
  })

  it('shrinks to the display', () => {
    const state = restoreWindowState({ ...saved, x: 0, y: 25, width: 4000, height: 3000 }, [primary])
    expect(state).toMatchObject({ width: primary.width, height: primary.height })
  })

  it('is never smaller than the least size', () => {
    expect(restoreWindowState({ ...saved, width: 1, height: 1 }, [primary, right])).toMatchObject({
      width: 800,
      height: 560,
    })
  })

  it.each([undefined, 'text', 7, [], {}, { width: 'wide', height: 1 }, { width: NaN, height: 700 }])(
    'opens as on the first day when %j was saved',
    (value) => {
      expect(restoreWindowState(value, [primary])).toEqual({ width: 1280, height: 840, maximized: false })
    },
  )

  it('opens without any display', () => {
    expect(restoreWindowState(undefined, [])).toEqual({ width: 1280, height: 840, maximized: false })
  })
})

describe('the file', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'window-state-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('gives back what was written, and nothing else is left beside it', () => {
    const file = join(folder, 'window.json')
    writeWindowState(file, saved)
    expect(readWindowState(file)).toEqual(saved)
    expect(readdirSync(folder)).toEqual(['window.json'])
  })

  it('counts as absent when it is damaged or missing', () => {
    const file = join(folder, 'window.json')
    expect(readWindowState(file)).toBeUndefined()
    writeFileSync(file, '{"width": 10')
    expect(readWindowState(file)).toBeUndefined()
  })
})
