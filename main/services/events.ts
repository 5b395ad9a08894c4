import type { MessageOf, TopicName } from '../../preload/contract.ts'

export type Publish = <Name extends TopicName>(topic: Name, message: MessageOf<Name>) => void

export interface Events {
  publish: Publish
  /** Returns the function that ends the subscription. */
  subscribe<Name extends TopicName>(topic: Name, listener: (message: MessageOf<Name>) => void): () => void
}

/** The contract's topics within one process. `all` hears every message of every topic, before the subscribers. */
export function createEvents(all?: (topic: TopicName, message: unknown) => void): Events {
  const listeners = new Map<TopicName, Set<(message: never) => void>>()
  return {
    publish(topic, message) {
      deliver(() => all?.(topic, message))
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
