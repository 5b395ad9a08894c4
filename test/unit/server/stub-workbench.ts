import { WorkbenchError, type TopicName } from '../../../preload/contract.ts'
import type { WorkbenchPort } from '../../../main/local-socket.ts'

export interface StubWorkbench extends WorkbenchPort {
  calls: { name: string; input: unknown }[]
  closed: boolean
  publish(topic: TopicName | 'unknown', message: unknown): void
  /** Answers to come, by endpoint; one that has none is `not-found`. */
  answers: Record<string, (input: unknown) => unknown>
}

/** A workbench without services, for tests of what carries the contract. */
export function createStubWorkbench(): StubWorkbench {
  const listeners = new Set<(topic: string, message: unknown) => void>()
  const stub: StubWorkbench = {
    calls: [],
    closed: false,
    answers: { 'system.info': () => ({ version: '1.2.3', host: 'server' }) },
    publish: (topic, message) => {
      for (const listener of listeners) listener(topic, message)
    },
    invoke: async (name, input) => {
      stub.calls.push({ name, input })
      const answer = stub.answers[name]
      if (answer === undefined) throw new WorkbenchError('not-found', `no ${name} here`, { detail: 'stub' })
      return answer(input)
    },
    onEvent: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: async () => {
      stub.closed = true
    },
  }
  return stub
}

export function deferred<Value>() {
  let resolve: (value: Value) => void = () => undefined
  const promise = new Promise<Value>((done) => (resolve = done))
  return { promise, resolve }
}
