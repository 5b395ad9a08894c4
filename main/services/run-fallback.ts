import type { RunEnvironment } from '../../preload/contract.ts'
import type { Database } from '../store/database.ts'
import type { RunRecord } from '../store/runs.ts'
import type { FinalMessage } from './run-supervision.ts'
import { presentCheckpoints } from './run-views.ts'

type Failed = Extract<FinalMessage, { type: 'failed' }>

/** What a run falls back to: it is everywhere. */
const cpu = { engine: 'onnxruntime', device: 'cpu' } as const

/**
 * Whether a run that has ended so goes on on cpu: its device failed, that was another one, and the user allows it.
 *
 * @param environment where it computed; undefined where it had not come to that
 */
export function goesOnOnCpu(
  { config }: Pick<RunRecord, 'config'>,
  environment: RunEnvironment | undefined,
  ended: FinalMessage,
): ended is Failed {
  return config.engine.fallbackToCpu && failedElsewhere(environment, ended)
}

/** What there is to do for one whose device failed and who did not allow that; nothing in any other case. */
export function hintAtCpu(
  { config }: Pick<RunRecord, 'config'>,
  environment: RunEnvironment | undefined,
  ended: Failed,
): string {
  if (config.engine.fallbackToCpu || !failedElsewhere(environment, ended)) return ''
  return `${fullStop(ended.error.message)} It can be resumed on cpu; with engine.fallbackToCpu a run does so by itself.`
}

/** What a log says of a run that goes on on cpu. */
export function movedInWords({ failedDevice }: RunEnvironment): string {
  const { reason = '', savedStep = 0 } = failedDevice ?? {}
  return `${reason}${fullStop(reason)} The run goes on on cpu from step ${savedStep}, as was allowed (engine.fallbackToCpu).`
}

function fullStop(sentence: string): string {
  return /[.!?]$/.test(sentence) ? '' : '.'
}

function failedElsewhere(environment: RunEnvironment | undefined, ended: FinalMessage): ended is Failed {
  return (
    ended.type === 'failed' && ended.ofDevice === true && environment !== undefined && !isOnCpu(environment)
  )
}

export function isOnCpu({ device }: Pick<RunEnvironment, 'device'>): boolean {
  return device === cpu.device
}

/**
 * The environment of a run from here on: `createJob` lets a run go on where its environment says.
 *
 * @param savedStep of the checkpoint that it goes on from
 */
export function movedToCpu(environment: RunEnvironment, savedStep: number, reason: string): RunEnvironment {
  const { engine, device, hardware, ...rest } = environment
  const card = hardware === undefined ? {} : { hardware }
  return { ...rest, ...cpu, failedDevice: { engine, device, ...card, savedStep, reason } }
}

/** The step of the checkpoint that a run goes on from; 0: it begins anew. */
export function lastSavedStep(database: Database, home: string, id: string): number {
  return presentCheckpoints(database, home, id).find(({ kind }) => kind === 'latest')?.step ?? 0
}

/**
 * The environment of a run that goes on. It was told which device to take: why that was chosen is known from before.
 */
export function goingOn(before: RunEnvironment | undefined, now: RunEnvironment): RunEnvironment {
  if (before === undefined || before.engine !== now.engine || before.device !== now.device) return now
  const { failedDevice: failed, deviceReason = now.deviceReason } = before
  const reason = failed === undefined ? deviceReason : `${failed.engine} on ${failed.device} had failed.`
  return {
    ...now,
    ...(reason === undefined ? {} : { deviceReason: reason }),
    ...(failed === undefined ? {} : { failedDevice: failed }),
  }
}
