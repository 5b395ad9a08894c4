import type { ContractError } from './errors.ts'

/**
 * Names of the two channels between the page's preload script and the shell. This file imports no code, so that
 * the sandboxed preload carries none of the schemas.
 */
export const channels = { invoke: 'workbench.invoke', event: 'workbench.event' } as const

/** What the shell answers a call with; an error crosses as a value, because Electron keeps only a thrown error's text. */
export type Reply<Value = unknown> = { ok: true; value?: Value } | { ok: false; error: ContractError }
