import type { MessageOf, TopicName } from '../../preload/contract.ts'

export type Publish = <Name extends TopicName>(topic: Name, message: MessageOf<Name>) => void

/** The contract's topics within one process. Every subscription gives the function that ends it. */
export interface Events {
  publish: Publish
  subscribe<Name extends TopicName>(topic: Name, listener: (message: MessageOf<Name>) => void): () => void
  /** Hears every message of every topic, before those who subscribed to one. */
  subscribeAll(listener: (topic: TopicName, message: unknown) => void): () => void
}

export function createEvents(): Events {
  const everywhere = new Set<(topic: TopicName, message: unknown) => void>()
  const listeners = new Map<TopicName, Set<(message: never) => void>>()
  return {
    publish(topic, message) {
      for (const listener of everywhere) deliver(() => listener(topic, message))
      for (const listener of listeners.get(topic) ?? []) deliver(() => listener(message as never))
    },
    subscribe(topic, listener) {
      const ofTopic = listeners.get(topic) ?? new Set()
      listeners.set(topic, ofTopic)
      // Wrapped, so that subscribing one function twice gives two subscriptions.
      const wrapped = (message: never) => listener(message)
      ofTopic.add(wrapped)
      return () => void ofTopic.delete(wrapped)
    },
    subscribeAll(listener) {
      const wrapped: typeof listener = (topic, message) => listener(topic, message)
      everywhere.add(wrapped)
      return () => void everywhere.delete(wrapped)
    },
  }
}

/** A listener that throws must not take away the message from the others, nor the publisher's course. */
function deliver(call: () => void): void {
  try {
    call()
  } catch (error) {
    console.error('a listener failed:', error)
  }
}
