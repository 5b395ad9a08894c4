import type { MessageOf } from '../../preload/contract.ts'
import type { Reply } from '../../preload/contract/channels.ts'
import type { FromWorkbench, ToWorkbench } from '../ipc-messages.ts'
import type { Child, ChildExit, SpawnChild } from './child-process.ts'
import { hostTrainers, type TrainerHost } from './trainers.ts'

type WorkbenchState = MessageOf<'shell.workbench'>

/** A second end within this time of a restart is not restarted: whatever it is, starting again does not cure it. */
const restartWindowMs = 5 * 60_000
/** Of a dead process's last output, what a message to the user can hold. */
const shownLines = 5

export interface SupervisorOptions {
  spawn: SpawnChild
  /** Scripts of the workbench process and of a trainer. */
  entries: { workbench: string; trainer: string }
  /** Arguments of the workbench process. */
  args: string[]
  /** Receives every topic's messages, `shell.workbench` included. */
  publish: (topic: string, message: unknown) => void
  now?: () => number
}

export interface Supervisor {
  /** Calls an endpoint; the answer is passed on unread. Waits for a process that is just starting. */
  invoke: (name: string, input: unknown) => Promise<Reply>
  /** The last published state; undefined until the process has first become ready or failed. */
  state: () => WorkbenchState | undefined
  /** Asks the process to close in order; kills it when that takes longer than `limitMs`. */
  close: (limitMs: number) => Promise<void>
}

interface Call {
  name: string
  input: unknown
  isSent: boolean
  answer: (reply: Reply) => void
}

/** Starts the workbench process, relays calls and messages, and starts it again once when it goes away. */
export function superviseWorkbench(options: SupervisorOptions): Supervisor {
  const { spawn, entries, args, publish, now = Date.now } = options
  const calls = new Map<number, Call>()
  let lastId = 0
  let child: Child | undefined
  let trainers: TrainerHost | undefined
  let isReady = false
  let state: WorkbenchState | undefined
  let restartedAt = -Infinity
  let onClosed: (() => void) | undefined

  function become(next: WorkbenchState): void {
    state = next
    publish('shell.workbench', next)
  }

  function start(): void {
    isReady = false
    const started = spawn(entries.workbench, args, {
      message: (message) => receive(message as FromWorkbench),
      exit: ended,
    })
    child = started
    // A trainer answers to the process that asked for it: the next one counts its own trainers from the start.
    trainers = hostTrainers(spawn, entries.trainer, (message) => started.send(message))
  }

  function post(message: ToWorkbench): void {
    child?.send(message)
  }

  function receive(message: FromWorkbench): void {
    if (message.type === 'event') publish(message.topic, message.message)
    else if (message.type === 'ready') ready()
    else if (message.type === 'failed') become({ state: 'failed', message: message.error.message })
    else if (message.type === 'result') {
      const call = calls.get(message.id)
      calls.delete(message.id)
      call?.answer(message.ok ? { ok: true, value: message.value } : { ok: false, error: message.error })
    } else trainers?.receive(message)
  }

  function ready(): void {
    isReady = true
    become({ state: 'ready', message: 'The workbench process is running.' })
    for (const [id, call] of calls) if (!call.isSent) send(id, call)
  }

  function send(id: number, call: Call): void {
    call.isSent = true
    post({ type: 'invoke', id, name: call.name, input: call.input })
  }

  function ended({ code, signal, lastLines }: ChildExit): void {
    child = undefined
    trainers?.killAll()
    if (onClosed !== undefined) {
      refuseCalls(() => true, 'The program is closing.')
      onClosed()
      return
    }
    const reason = signal ?? (code === undefined ? 'it could not be started' : `exit code ${code}`)
    const hasFailed = state?.state === 'failed'
    const isRestartable = !hasFailed && now() - restartedAt > restartWindowMs
    if (isRestartable) {
      const message = `The workbench process ended unexpectedly (${reason}). It is being started again; a run that was going can be resumed from its last checkpoint.`
      // A call that was not sent yet waits for the new process.
      refuseCalls((call) => call.isSent, message)
      become({ state: 'lost', message })
      restartedAt = now()
      start()
      return
    }
    if (!hasFailed) {
      const output =
        lastLines.length === 0 ? '' : ` Its last output: ${lastLines.slice(-shownLines).join('\n')}`
      become({
        state: 'failed',
        message: `The workbench process ended again (${reason}) shortly after a restart. Quit the program and start it again; what was saved is kept.${output}`,
      })
    }
    refuseCalls(() => true, state?.message ?? '')
  }

  function refuseCalls(which: (call: Call) => boolean, message: string): void {
    for (const [id, call] of calls) {
      if (!which(call)) continue
      calls.delete(id)
      call.answer({ ok: false, error: { code: 'unavailable', message } })
    }
  }

  start()
  return {
    state: () => state,
    invoke: (name, input) =>
      new Promise((answer) => {
        const refusal = onClosed !== undefined ? 'The program is closing.' : state?.message
        if (child === undefined || state?.state === 'failed' || onClosed !== undefined) {
          answer({
            ok: false,
            error: { code: 'unavailable', message: refusal ?? 'The workbench process is not running.' },
          })
          return
        }
        const id = ++lastId
        const call: Call = { name, input, isSent: false, answer }
        calls.set(id, call)
        if (isReady) send(id, call)
      }),
    close: (limitMs) =>
      new Promise((resolve) => {
        if (child === undefined) return resolve()
        const limit = setTimeout(() => child?.kill('SIGKILL'), limitMs)
        onClosed = () => {
          clearTimeout(limit)
          resolve()
        }
        post({ type: 'close' })
      }),
  }
}
