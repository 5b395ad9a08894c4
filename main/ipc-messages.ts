/**
 * What crosses between the workbench process and whoever hosts or attaches to it: the desktop shell over the
 * workbench's parent port, a second program over the home folder's local socket. Every message is a plain
 * object that survives JSON as well as structured cloning.
 */
import type { ContractError } from '../preload/contract.ts'
import type { FromTrainer, ToTrainer } from './training/messages.ts'

/** To the workbench. */
export type ToWorkbench =
  /** Call an endpoint; `id` is the caller's, and comes back with the result. */
  | { type: 'invoke'; id: number; name: string; input: unknown }
  /** Pause running trainers, close the store and exit. */
  | { type: 'close' }
  | FromTrainerHost

/** From the workbench. */
export type FromWorkbench =
  /** Services are up and endpoints can be called. */
  | { type: 'ready' }
  /** The workbench cannot start (the database cannot be opened); it exits after this. */
  | { type: 'failed'; error: ContractError }
  /** `value` is absent for an endpoint that returns nothing. */
  | { type: 'result'; id: number; ok: true; value?: unknown }
  | { type: 'result'; id: number; ok: false; error: ContractError }
  /** A message of one of the contract's topics; all of them are forwarded, unasked. */
  | { type: 'event'; topic: string; message: unknown }
  | ToTrainerHost

/**
 * From the workbench to a host that spawns its trainers (the shell, where only it can start a `utilityProcess`).
 * `trainer` is the workbench's number for the process, unique for the life of the workbench.
 */
export type ToTrainerHost =
  | { type: 'trainer.spawn'; trainer: number }
  | { type: 'trainer.send'; trainer: number; message: ToTrainer }
  | { type: 'trainer.kill'; trainer: number; signal: 'SIGTERM' | 'SIGKILL' }

/** From that host. `trainer.exit` is always the last message of a trainer, also of one that could not be spawned. */
export type FromTrainerHost =
  | { type: 'trainer.spawned'; trainer: number; pid: number | undefined }
  | { type: 'trainer.message'; trainer: number; message: FromTrainer }
  | {
      type: 'trainer.exit'
      trainer: number
      code: number | undefined
      signal: string | undefined
      /** The last lines (at most 50) that it wrote to stderr. */
      lastLines: string[]
    }
