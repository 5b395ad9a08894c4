import type { EndpointName, InputOf, MessageOf, OutputOf, TopicName } from '../../preload/contract.ts'
import type { Host } from '../server/host.ts'

/** The contract, typed, with whatever process has the home folder's workbench. */
export interface Client {
  invoke<Name extends EndpointName>(name: Name, input: InputOf<Name>): Promise<OutputOf<Name>>
  /** Returns how to stop. */
  subscribe<Name extends TopicName>(name: Name, listener: (message: MessageOf<Name>) => void): () => void
  /** The workbench is another one now: calls in flight were refused, and its runs do not go on by themselves. */
  onReplaced(listener: () => void): void
  /** The workbench is gone, and none can take its place. */
  onLost(listener: (error: unknown) => void): void
}

/** What crosses was made by the handlers of the same contract, so its types are taken at their word. */
export function createClient(host: Host, lost: Promise<never>): Client {
  return {
    invoke: async <Name extends EndpointName>(name: Name, input: InputOf<Name>) =>
      (await host.invoke(name, input)) as OutputOf<Name>,
    subscribe: <Name extends TopicName>(name: Name, listener: (message: MessageOf<Name>) => void) =>
      host.onEvent((topic, message) => {
        if (topic === name) listener(message as MessageOf<Name>)
      }),
    onReplaced: (listener) => host.onReplaced(listener),
    onLost: (listener) => void lost.catch(listener),
  }
}
