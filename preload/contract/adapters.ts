import type { MethodChoice, MethodFamily } from './methods.ts'

/** A trained adapter, fusion or head, kept apart from the run that trained it. */
export interface AdapterSummary {
  id: string
  name: string
  /** `adapter`: what a fusion, stack or average can take; `fusion`: fusion layers, which need their adapters; `head`. */
  kind: 'adapter' | 'fusion' | 'head'
  method: MethodChoice
  family: MethodFamily
  /** Backbone it belongs to, by the hash of its tensors; `modelId` where that model is there. */
  modelHash: string
  modelName: string
  modelId?: string
  /** Run that trained it; undefined once that run is removed, or where it was imported. */
  runId?: string
  datasetName: string
  /** Class names of a head, in order. */
  labels: string[]
  /** Adapters of a fusion, in order. */
  adapterIds: string[]
  parameters: number
  bytes: number
  /** Validation score of the run that trained it, as a fraction. */
  score?: { metric: string; value: number }
  createdAt: string
}

export interface AdapterDetail extends AdapterSummary {
  file: string
  tensors: { name: string; shape: number[] }[]
  /** Runs that build on it. */
  usedBy: { id: string; name: string }[]
}
