import { describe, expect, it } from 'vitest'

import {
  fileName,
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatMoment,
  formatNumber,
  formatPercent,
  formatScore,
  formatScores,
  formatSetting,
  meanAndDeviation,
  plural,
} from '../../../renderer/lib/format.ts'

describe('numbers', () => {
  it.each([
    [0, '0'],
    [0.12345, '0.123'],
    [1.5, '1.50'],
    [12.345, '12.3'],
    [99.96, '100'],
    [123.4, '123'],
    [57462, '57,462'],
    [0.00001234, '1.23e-5'],
    [1e-8, '1e-8'],
    [0.001, '0.00100'],
    [-0.5, '-0.500'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '∞'],
  ])('writes %d as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text)
  })

  it.each([
    [0.001, '0.001'],
    [2e-4, '0.0002'],
    [1e-8, '1e-8'],
    [64, '64'],
  ])('writes the setting %d as %s', (value, text) => {
    expect(formatSetting(value)).toBe(text)
  })

  it('groups counts', () => {
    expect(formatCount(3415878)).toBe('3,415,878')
  })

  it('writes shares with three significant figures', () => {
    expect(formatPercent(0.016789)).toBe('1.68 %')
    expect(formatPercent(1)).toBe('100 %')
    expect(formatPercent(12.345)).toBe('1,235 %')
    expect(formatPercent(0)).toBe('0 %')
  })

  it('counts nouns', () => {
    expect(plural(1, 'run')).toBe('1 run')
    expect(plural(1200, 'row')).toBe('1,200 rows')
  })
})

describe('scores', () => {
  it('are fractions shown as percent', () => {
    expect(formatScore(0.8944)).toBe('89.4')
  })

  it('carry their spread over seeds', () => {
    expect(formatScores([0.89, 0.9, 0.91])).toBe('90.0 ± 1.0')
  })

  it('stand alone where there is one', () => {
    expect(formatScores([0.9])).toBe('90.0')
    expect(formatScores([])).toBe('–')
  })

  it('spread as a sample does', () => {
    expect(meanAndDeviation([1, 3]).deviation).toBeCloseTo(Math.SQRT2, 12)
    expect(meanAndDeviation([1]).deviation).toBeUndefined()
  })
})

describe('time and size', () => {
  it.each([
    [3.44, '3.4 s'],
    [9.99, '0:10'],
    [42, '0:42'],
    [725, '12:05'],
    [3723, '1:02:03'],
    [-1, '–'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
  })

  it('writes time left as a clock even when short', () => {
    expect(formatClock(3.4)).toBe('0:03')
    expect(formatClock(Number.NaN)).toBe('–')
  })

  it.each([
    [512, '512 B'],
    [999_600, '1 MB'],
    [12_345_678, '12.3 MB'],
    [2.5e9, '2.5 GB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it('writes moments as seen from now', () => {
    const now = new Date(2026, 10, 24, 12, 0)
    const at = (...parts: [number, number, number, number, number]) => new Date(...parts).toISOString()
    expect(formatMoment(at(2026, 10, 24, 8, 7), now)).toBe('08:07')
    expect(formatMoment(at(2026, 10, 23, 23, 59), now)).toBe('yesterday 23:59')
    expect(formatMoment(at(2026, 9, 2, 8, 7), now)).toBe('2 Oct 08:07')
    expect(formatMoment(at(2025, 9, 2, 8, 7), now)).toBe('2 Oct 2025 08:07')
    expect(formatMoment('no date', now)).toBe('–')
  })

  it('takes the last part of a path of either kind', () => {
    expect(fileName('/data/trec/TREC.train')).toBe('TREC.train')
    expect(fileName('C:\\data\\TREC.train')).toBe('TREC.train')
  })
})
