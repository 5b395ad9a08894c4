import type { ContractError, InputOf, ParameterCount } from '../../../preload/contract.ts'
import { api, errorOf } from '../../lib/api.ts'
import type { VariantDraft } from '../../lib/run-draft.ts'

interface Counted {
  /** What it was counted for. */
  question: string
  count: ParameterCount | undefined
  error: ContractError | undefined
}

/** What all variants of a form have in common. */
export type CountedFor = Pick<
  InputOf<'methods.count'>,
  'modelId' | 'head' | 'labels' | 'unfreezeLayers' | 'maximumLength' | 'backbonePrecision'
>

/** Trained parameters and cost of each variant, by its key; counted again only where something that matters changed. */
export function createParameterCounts() {
  let counted: Record<string, Counted> = $state.raw({})

  async function ask(key: string, question: string, input: InputOf<'methods.count'>) {
    counted = { ...counted, [key]: { question, count: counted[key]?.count, error: counted[key]?.error } }
    let count: ParameterCount | undefined
    let error: ContractError | undefined
    try {
      count = await api.invoke('methods.count', input)
    } catch (thrown) {
      error = errorOf(thrown)
    }
    if (counted[key]?.question === question) counted = { ...counted, [key]: { question, count, error } }
  }

  return {
    get(key: string): { count: ParameterCount | undefined; error: ContractError | undefined } {
      return counted[key] ?? { count: undefined, error: undefined }
    },
    /**
     * Counts what is not counted yet.
     *
     * @param ofDatasets class counts of the datasets that a variant trains beside the form's own, and the stored heads
     * that all its datasets' heads begin with
     * @param isReady false for a variant that lacks what its method builds on: there is nothing to count
     */
    update(
      variants: readonly VariantDraft[],
      common: CountedFor,
      ofDatasets: (variant: VariantDraft) => { moreLabels: number[]; headIds: string[] },
      isReady: (variant: VariantDraft) => boolean,
    ): void {
      for (const variant of variants) {
        const { key, method, options, adapterIds = [], fusionId } = variant
        if (!isReady(variant)) {
          if (counted[key] !== undefined) counted = { ...counted, [key]: nothing }
          continue
        }
        const { moreLabels, headIds } = ofDatasets(variant)
        const input = {
          ...common,
          method: { name: method, options },
          adapterIds,
          moreLabels,
          ...(headIds.length === 0 ? {} : { headIds }),
          ...(fusionId === undefined ? {} : { fusionId }),
        }
        const question = JSON.stringify(input)
        if (counted[key]?.question !== question) void ask(key, question, input)
      }
    },
  }
}

const nothing: Counted = { question: '', count: undefined, error: undefined }
