import type { ContractError, HeadChoice, ParameterCount } from '../../../preload/contract.ts'
import { api, errorOf } from '../../lib/api.ts'
import type { VariantDraft } from '../../lib/run-draft.ts'

interface Counted {
  /** What it was counted for. */
  question: string
  count: ParameterCount | undefined
  error: ContractError | undefined
}

/** Trained parameters of each variant, by its key; counted again only where something that matters changed. */
export function createParameterCounts() {
  let counted: Record<string, Counted> = $state.raw({})

  async function ask(
    key: string,
    question: string,
    input: Parameters<typeof api.invoke<'methods.count'>>[1],
  ) {
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
    /** Counts what is not counted yet. */
    update(
      variants: readonly VariantDraft[],
      modelId: string,
      head: Partial<HeadChoice>,
      labels: number,
    ): void {
      for (const { key, method, options } of variants) {
        const input = { modelId, method: { name: method, options }, head, labels }
        const question = JSON.stringify(input)
        if (counted[key]?.question !== question) void ask(key, question, input)
      }
    },
  }
}
