import type { EndpointName, InputOf, MessageOf, OutputOf, TopicName } from '../../preload/contract.ts'
import type { Connection } from '../attach.ts'

/** The contract, typed, over a connection. */
export interface Client {
  readonly attached: boolean
  invoke<Name extends EndpointName>(name: Name, input: InputOf<Name>): Promise<OutputOf<Name>>
  /** Returns how to stop. */
  subscribe<Name extends TopicName>(name: Name, listener: (message: MessageOf<Name>) => void): () => void
  onLost(listener: () => void): void
}

/** What crosses was made by the handlers of the same contract, so its types are taken at their word. */
export function createClient(connection: Connection): Client {
  return {
    attached: connection.attached,
    invoke: async <Name extends EndpointName>(name: Name, input: InputOf<Name>) =>
      (await connection.invoke(name, input)) as OutputOf<Name>,
    subscribe: <Name extends TopicName>(name: Name, listener: (message: MessageOf<Name>) => void) =>
      connection.onEvent((topic, message) => {
        if (topic === name) listener(message as MessageOf<Name>)
      }),
    onLost: (listener) => connection.onLost(listener),
  }
}
