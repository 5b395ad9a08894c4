/** What masked adapters learn beside the task: how well the mask is predicted, and its part of the loss. */
import type { ComparedGroup, Curves } from '../../../preload/contract.ts'
import { maskAccuracyChart, maskShareChart } from '../../charts/compared-curves.ts'
import type { LineChart } from '../../charts/lines.ts'
import { api } from '../../lib/api.ts'
import { connection } from '../../lib/connection.svelte.ts'
import { createResource } from '../../lib/resource.svelte.ts'
import type { VariantStyle } from '../../lib/variants.ts'

/** Reads the curves of the groups that are shown, whenever those change. Call it while a component is set up. */
export function followMaskCurves(
  visible: () => readonly ComparedGroup[],
  looks: () => ReadonlyMap<string, VariantStyle>,
): { readonly charts: LineChart[] } {
  const curves = createResource<Curves>()
  const masked = $derived(visible().filter(({ family }) => family === 'mam'))
  const asked = $derived(
    masked
      .flatMap(({ runs }) => runs.map(({ id }) => id))
      .slice(0, 100)
      .join(','),
  )

  $effect(() => {
    if (asked === '' || connection.epoch === 0) return
    const names = ['train.loss', 'train.taskLoss', 'train.maskBalancedAccuracy']
    const input = { runIds: asked.split(','), names, points: 20_000, smoothing: 0.9 }
    void curves.load(() => api.invoke('comparison.curves', input))
  })

  const charts = $derived(
    curves.value === undefined || masked.length === 0
      ? []
      : [
          maskAccuracyChart(curves.value, masked, looks()),
          maskShareChart(curves.value, masked, looks()),
        ].filter(({ lines }) => lines.length > 0),
  )
  return {
    get charts() {
      return charts
    },
  }
}
