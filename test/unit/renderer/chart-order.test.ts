import { describe, expect, it } from 'vitest'

import {
  arranged,
  asAtFirst,
  readArrangement,
  withChartBeside,
  withChartHidden,
  withChartMoved,
} from '../../../renderer/lib/chart-order.ts'

const titles = ['curves', 'cost', 'spread', 'classes']

describe('the charts of a comparison', () => {
  it('stand as at first until one is moved', () => {
    expect(arranged(titles, asAtFirst)).toEqual(titles)
  })

  it('are put beside another one, before or after it', () => {
    const move = { title: 'classes', beside: 'cost', after: false }
    expect(arranged(titles, withChartBeside(asAtFirst, titles, move))).toEqual([
      'curves',
      'classes',
      'cost',
      'spread',
    ])
    expect(arranged(titles, withChartBeside(asAtFirst, titles, { ...move, after: true }))).toEqual([
      'curves',
      'cost',
      'classes',
      'spread',
    ])
  })

  it('stay where they are beside themselves or beside what is not there', () => {
    for (const beside of ['cost', 'gone']) {
      expect(withChartBeside(asAtFirst, titles, { title: 'cost', beside, after: true })).toEqual(asAtFirst)
    }
    expect(withChartBeside(asAtFirst, titles, { title: 'gone', beside: 'cost', after: true })).toEqual(
      asAtFirst,
    )
  })

  it('move past their neighbours, and not past the ends', () => {
    expect(arranged(titles, withChartMoved(asAtFirst, titles, 'spread', -1))).toEqual([
      'curves',
      'spread',
      'cost',
      'classes',
    ])
    expect(withChartMoved(asAtFirst, titles, 'curves', -1)).toEqual(asAtFirst)
    expect(withChartMoved(asAtFirst, titles, 'classes', 1)).toEqual(asAtFirst)
  })

  it('move past a neighbour that is seen, whatever is hidden between', () => {
    const hidden = withChartHidden(asAtFirst, 'cost', true)
    expect(arranged(titles, withChartMoved(hidden, titles, 'spread', -1))).toEqual([
      'spread',
      'curves',
      'cost',
      'classes',
    ])
  })

  it('keep their places in another comparison, where a new one follows what it follows at first', () => {
    const moved = withChartMoved(asAtFirst, titles, 'classes', -1)
    expect(arranged(['curves', 'drop', 'cost', 'classes', 'mask'], moved)).toEqual([
      'curves',
      'drop',
      'cost',
      'classes',
      'mask',
    ])
    expect(arranged(['drop', ...titles], moved)[0]).toBe('drop')
    const elsewhere = withChartMoved(moved, ['drop', 'mask'], 'mask', -1)
    expect(arranged(titles, elsewhere)).toEqual(arranged(titles, moved))
  })

  it('are hidden and shown again', () => {
    const hidden = withChartHidden(withChartHidden(asAtFirst, 'cost', true), 'cost', true)
    expect(hidden.hidden).toEqual(['cost'])
    expect(withChartHidden(hidden, 'cost', false)).toEqual(asAtFirst)
  })

  it('are remembered, and stand as at first where nothing readable was', () => {
    const moved = withChartHidden(withChartMoved(asAtFirst, titles, 'spread', -1), 'cost', true)
    expect(readArrangement(JSON.stringify(moved))).toEqual(moved)
    for (const text of [undefined, '{', '{"order":"cost","hidden":[]}']) {
      expect(readArrangement(text)).toEqual(asAtFirst)
    }
  })
})
