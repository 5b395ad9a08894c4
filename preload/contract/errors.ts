import { z } from 'zod'

/** The closed list of what can go wrong across the contract. */
export const ErrorCode = z.enum([
  'bad-input', // the request, a file's content or a setting is not usable as given
  'not-found', // no such run, dataset, model or file
  'conflict', // it exists, is in use, or is in the wrong state for this
  'unsupported', // this host, model or method cannot do it
  'storage', // reading or writing the home folder failed (disk full, permissions, newer database)
  'engine', // the engine or device failed
  'unauthorized', // the token, origin or host was refused
  'unavailable', // the workbench process is not there (yet)
  'internal', // a defect of ours
])
export type ErrorCode = z.infer<typeof ErrorCode>

/** An error as it crosses: `message` says what failed, where, and what to do; `detail` is for the log. */
export const ContractError = z.object({ code: ErrorCode, message: z.string(), detail: z.string().optional() })
export type ContractError = z.infer<typeof ContractError>

/** An error with a contract code, thrown anywhere in `main/` and shown to the user as it stands. */
export class WorkbenchError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined

  constructor(code: ErrorCode, message: string, options?: { detail?: string; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'WorkbenchError'
    this.code = code
    this.detail = options?.detail
  }
}

/** What crosses for any thrown value. Zod's issues become one sentence naming the setting. */
export function toContractError(thrown: unknown): ContractError {
  if (thrown instanceof WorkbenchError) {
    return thrown.detail === undefined
      ? { code: thrown.code, message: thrown.message }
      : { code: thrown.code, message: thrown.message, detail: thrown.detail }
  }
  if (thrown instanceof z.ZodError) {
    const message = thrown.issues
      .map((issue) => (issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message))
      .join('; ')
    return { code: 'bad-input', message }
  }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  return { code: 'internal', message: error.message, ...(error.stack ? { detail: error.stack } : {}) }
}
