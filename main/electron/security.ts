import { app, session, type IpcMainInvokeEvent, type WebContents } from 'electron'

import { mayNavigate, type Sender } from './policies.ts'

/** Routing number of each page's main frame, for an Electron (before 12) that does not say which frame sent a message. */
const mainFrames = new WeakMap<WebContents, number>()

/** Puts the policies in force for every page that the program will ever show. Call before the first window opens. */
export function enforcePolicies(origin: string): void {
  app.on('web-contents-created', (_event, contents) => {
    const refuse = (event: { preventDefault: () => void }, url: string) => {
      if (!mayNavigate(url, origin)) event.preventDefault()
    }
    contents.on('will-navigate', refuse)
    contents.on('will-redirect', refuse)
    contents.on('will-frame-navigate', (event) => refuse(event, event.url))
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.on('did-frame-navigate', (_navigation, _url, _code, _status, isMainFrame, _process, frame) => {
      if (isMainFrame) mainFrames.set(contents, frame)
    })
    if (typeof contents.setWindowOpenHandler === 'function') {
      contents.setWindowOpenHandler(() => ({ action: 'deny' }))
    } else {
      // Before Electron 12; the event is gone from today's types.
      const emitter: NodeJS.EventEmitter = contents
      emitter.on('new-window', (event: { preventDefault: () => void }) => event.preventDefault())
    }
  })
  const { defaultSession } = session
  // Camera, location, notifications, devices, …: the page needs none of them.
  defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false))
  defaultSession.setPermissionCheckHandler(() => false)
  // Electron 16 and later.
  if (typeof defaultSession.setDevicePermissionHandler === 'function') {
    defaultSession.setDevicePermissionHandler(() => false)
  }
}

/** Who sent a message; undefined when the frame is gone by now. */
export function senderOf(event: IpcMainInvokeEvent): Sender | undefined {
  if (event.senderFrame === null) return undefined
  if (event.senderFrame !== undefined) {
    return { url: event.senderFrame.url, isMainFrame: event.senderFrame.parent === null }
  }
  return { url: event.sender.getURL(), isMainFrame: event.frameId === mainFrames.get(event.sender) }
}
