import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron'

import type { EndpointName, InputOf, MessageOf, OutputOf, TopicName, WorkbenchApi } from './contract.ts'
import { channels, type Reply } from './contract/channels.ts'

const listeners = new Map<string, Set<(message: unknown) => void>>()

ipcRenderer.on(channels.event, (_event: IpcRendererEvent, topic: string, message: unknown) => {
  for (const listener of listeners.get(topic) ?? []) listener(message)
})

/** Rejects with a plain `ContractError`: the bridge to the page would strip an Error of its code. */
async function invoke<Name extends EndpointName>(name: Name, input: InputOf<Name>): Promise<OutputOf<Name>> {
  const reply: Reply<OutputOf<Name>> = await ipcRenderer.invoke(channels.invoke, name, input)
  if (!reply.ok) throw reply.error
  return reply.value as OutputOf<Name>
}

function subscribe<Name extends TopicName>(
  name: Name,
  listener: (message: MessageOf<Name>) => void,
): () => void {
  const ofTopic = listeners.get(name) ?? new Set()
  listeners.set(name, ofTopic)
  const receive = (message: unknown) => listener(message as MessageOf<Name>)
  ofTopic.add(receive)
  return () => void ofTopic.delete(receive)
}

contextBridge.exposeInMainWorld('workbench', { host: 'desktop', invoke, subscribe } satisfies WorkbenchApi)
