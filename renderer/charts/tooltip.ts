/** The box beside the pointer, as elements rather than markup: the page's policy and foreign names are both safe. */

interface Item {
  seriesName?: string
  value?: unknown
  color?: unknown
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null
}

/** Tooltip of a chart with two number axes: a heading from x, a line with colour, name and value per series. */
export function tooltip(heading: (x: number) => string, value: (y: number) => string) {
  return {
    trigger: 'axis' as const,
    axisPointer: { type: 'line' as const, animation: false, lineStyle: { type: 'solid' as const, width: 1 } },
    className: 'chart-tooltip',
    confine: true,
    transitionDuration: 0,
    padding: 0,
    borderWidth: 0,
    backgroundColor: 'transparent',
    extraCssText: 'box-shadow: none',
    formatter: (params: unknown) => tooltipElement(params, heading, value),
  }
}

function tooltipElement(
  params: unknown,
  heading: (x: number) => string,
  value: (y: number) => string,
): HTMLElement {
  const box = document.createElement('div')
  const items = (Array.isArray(params) ? params : [params]).filter(isItem)
  const first = pair(items[0]?.value)
  if (first !== undefined) {
    const title = document.createElement('strong')
    title.textContent = heading(first[0])
    box.append(title)
  }
  for (const item of items) {
    const point = pair(item.value)
    if (point === undefined || item.seriesName === '') continue
    const line = document.createElement('div')
    const swatch = document.createElement('i')
    swatch.style.background = typeof item.color === 'string' ? item.color : 'currentColor'
    const figure = document.createElement('b')
    figure.textContent = value(point[1])
    line.append(swatch, document.createTextNode(item.seriesName ?? ''), figure)
    box.append(line)
  }
  return box
}

function pair(value: unknown): [number, number] | undefined {
  if (!Array.isArray(value)) return undefined
  const [x, y]: unknown[] = value
  return typeof x === 'number' && typeof y === 'number' ? [x, y] : undefined
}

interface ItemText {
  title: string
  lines: readonly (readonly [name: string, figure: string])[]
}

/** Tooltip of a chart whose marks stand for themselves: what to say of the series under the pointer. */
export function itemTooltip(describe: (seriesId: string) => ItemText | undefined) {
  return {
    trigger: 'item' as const,
    className: 'chart-tooltip',
    confine: true,
    transitionDuration: 0,
    padding: 0,
    borderWidth: 0,
    backgroundColor: 'transparent',
    extraCssText: 'box-shadow: none',
    formatter: (params: unknown) => {
      const id =
        typeof params === 'object' && params !== null && 'seriesId' in params ? String(params.seriesId) : ''
      const text = describe(id)
      if (text === undefined) return ''
      const box = document.createElement('div')
      const title = document.createElement('strong')
      title.textContent = text.title
      box.append(title)
      for (const [name, figure] of text.lines) {
        const line = document.createElement('div')
        const value = document.createElement('b')
        value.textContent = figure
        line.append(document.createTextNode(name), value)
        box.append(line)
      }
      return box
    },
  }
}
