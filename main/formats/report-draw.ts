import type { ReportChart } from './report-chart-parts.ts'

/**
 * Draws the charts of one report as SVG text, without a page. ECharts is large, so it is loaded when a report is made.
 */
export async function createChartDrawer(): Promise<(chart: ReportChart) => string> {
  const { init } = await import('echarts')
  let drawn = 0
  return ({ width, height, option }) => {
    const chart = init(undefined, undefined, { renderer: 'svg', ssr: true, width, height })
    try {
      chart.setOption(option)
      drawn += 1
      return withoutTraces(chart.renderToSVGString(), drawn)
    } finally {
      chart.dispose()
    }
  }
}

/**
 * ECharts counts the charts of the whole process in its names, so that the same report would never be the same text;
 * and it styles what the pointer is over, which leads nowhere in a report.
 */
function withoutTraces(svg: string, number: number): string {
  return svg
    .replace(/<style[\s>][\s\S]*?<\/style>/g, '')
    .replaceAll(/\bzr\d+-(?!cls-)/g, `chart${number}-`)
    .replaceAll(/ class="zr\d+-cls-\d+"/g, '')
}
