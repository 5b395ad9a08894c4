import type { ContractError } from '../../preload/contract.ts'
import { errorOf } from './api.ts'

export interface Resource<T> {
  readonly value: T | undefined
  readonly error: ContractError | undefined
  readonly loading: boolean
  /** Fetches again; an answer that a later call has overtaken is dropped. */
  load(fetch: () => Promise<T>): Promise<void>
  /** Puts a value that arrived otherwise. */
  put(value: T): void
}

/** Something fetched: its value, its error and whether it is on its way. The last good value stays while it reloads. */
export function createResource<T>(): Resource<T> {
  let value = $state.raw<T | undefined>()
  let error = $state.raw<ContractError | undefined>()
  let loading = $state(false)
  let ticket = 0
  return {
    get value() {
      return value
    },
    get error() {
      return error
    },
    get loading() {
      return loading
    },
    async load(fetch) {
      ticket += 1
      const mine = ticket
      loading = true
      try {
        const answer = await fetch()
        if (mine !== ticket) return
        value = answer
        error = undefined
      } catch (thrown) {
        if (mine === ticket) error = errorOf(thrown)
      } finally {
        if (mine === ticket) loading = false
      }
    },
    put(answer) {
      value = answer
      error = undefined
    },
  }
}
