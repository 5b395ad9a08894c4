import type { ReportChart } from './report-chart-parts.ts'

/** Draws charts as SVG text, without a page. ECharts is large, so it is loaded when a report is made. */
export async function createChartDrawer(): Promise<(chart: ReportChart) => string> {
  const { init } = await import('echarts')
  return ({ width, height, option }) => {
    const chart = init(undefined, undefined, { renderer: 'svg', ssr: true, width, height })
    try {
      chart.setOption(option)
      return chart.renderToSVGString()
    } finally {
      chart.dispose()
    }
  }
}
