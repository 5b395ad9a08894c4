import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { endShell, expect, invoke, launchShell, refusal, shellCommand, test } from './shell.ts'

test('the window opens with the page of the program’s own scheme @smoke', async ({ shell }) => {
  expect(shell.page.url()).toMatch(/^app:\/\/workbench\//)
  const isVisible = await shell.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows().map((window) => window.isVisible()),
  )
  expect(isVisible).toEqual([true])
})

test('the page has the workbench and nothing of Node or Electron', async ({ shell }) => {
  const found = await shell.page.evaluate(() => ({
    workbench: Object.keys(window.workbench ?? {}).sort(),
    host: window.workbench?.host,
    globals: ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer'].filter(
      (name) => name in window,
    ),
  }))
  expect(found).toEqual({ workbench: ['host', 'invoke', 'subscribe'], host: 'desktop', globals: [] })
})

test('the window isolates the page: sandbox, context isolation, no Node, no webview', async ({ shell }) => {
  const preferences = await shell.app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents
    const read: unknown = contents && Reflect.get(contents, 'getLastWebPreferences')?.call(contents)
    return read as Record<string, unknown>
  })
  expect(preferences).toMatchObject({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webviewTag: false,
  })
})

test('scripts, requests and frames from elsewhere are kept out by the content security policy', async ({
  shell,
}) => {
  const blocked = await shell.page.evaluate(async () => {
    const violations: string[] = []
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective))
    const inline = document.createElement('script')
    inline.textContent = 'window.inlineRan = true'
    document.body.append(inline)
    const frame = document.createElement('iframe')
    frame.src = 'data:text/html,hello'
    document.body.append(frame)
    await fetch('http://127.0.0.1:9/').catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 200))
    return { violations: violations.sort(), inlineRan: 'inlineRan' in window }
  })
  expect(blocked.inlineRan).toBe(false)
  expect(blocked.violations.map((directive) => directive.replace('-elem', ''))).toEqual([
    'connect-src',
    'frame-src',
    'script-src',
  ])
})

test('the page cannot read files outside its folder', async ({ shell }) => {
  const statuses = await shell.page.evaluate(async () => {
    const paths = ['/index.html', '/..%2fmain/workbench.js', '/%2e%2e/main/workbench.js', '/missing.js']
    return Promise.all(paths.map(async (path) => (await fetch(path)).status))
  })
  expect(statuses).toEqual([200, 404, 404, 404])
})

test('the page cannot navigate away', async ({ shell }) => {
  const before = shell.page.url()
  for (const target of ['https://example.org/', 'data:text/html,elsewhere', 'file:///etc/hostname']) {
    await shell.page.evaluate((url) => {
      const link = document.createElement('a')
      link.href = url
      document.body.append(link)
      link.click()
    }, target)
    await shell.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)))
    expect(shell.page.url()).toBe(before)
  }
})

test('the page cannot open a window', async ({ shell }) => {
  // Not awaited: under a debugger the old Electron never finishes the page's call for the window that it refuses.
  void shell.page
    .evaluate(() => {
      document.title = 'opening'
      window.open('app://workbench/index.html')
      const link = document.createElement('a')
      link.href = 'app://workbench/index.html'
      link.target = '_blank'
      document.body.append(link)
      link.click()
    })
    .catch(() => undefined)
  const titles = () =>
    shell.app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows().map((window) => window.getTitle()),
    )
  await expect.poll(titles).toEqual(['opening'])
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect(await titles()).toEqual(['opening'])
  shell.process.kill('SIGKILL')
})

test('permission requests and checks are denied', async ({ shell }) => {
  const answers = await shell.page.evaluate(async () => {
    const outcome = (promise: Promise<unknown>) =>
      promise.then(
        () => 'granted',
        (error: DOMException) => error.name,
      )
    return {
      notifications: await Notification.requestPermission(),
      microphone: await outcome(navigator.mediaDevices.getUserMedia({ audio: true })),
      location: await new Promise((resolve) =>
        navigator.geolocation.getCurrentPosition(
          () => resolve('granted'),
          (error) => resolve(error.code === error.PERMISSION_DENIED ? 'denied' : error.message),
        ),
      ),
      clipboard: await outcome(navigator.clipboard.readText()),
    }
  })
  expect(answers).toEqual({
    notifications: 'denied',
    microphone: expect.stringMatching(/^(NotAllowedError|NotFoundError)$/),
    location: 'denied',
    clipboard: 'NotAllowedError',
  })
})

test('a foreign page with the same preload script is refused', async ({ shell }) => {
  const answers = await shell.app.evaluate(async ({ BrowserWindow }) => {
    const own = BrowserWindow.getAllWindows()[0]?.webContents
    const preload: string = own && Reflect.get(own, 'getLastWebPreferences').call(own).preload
    const call = 'workbench.invoke("system.info", {}).then(() => "answered", ({ code }) => code)'
    const ask = async (url: string) => {
      const window = new BrowserWindow({
        show: false,
        webPreferences: { preload, contextIsolation: true, sandbox: true },
      })
      await window.loadURL(url)
      const answer: unknown = await window.webContents.executeJavaScript(call)
      window.destroy()
      return answer
    }
    return { own: await ask('app://workbench/index.html'), foreign: await ask('data:text/html,foreign') }
  })
  expect(answers).toEqual({ own: 'answered', foreign: 'unauthorized' })
})

test('a frame inside the page is refused, whatever it shows', async ({ shell }) => {
  const answer = await shell.app.evaluate(async ({ BrowserWindow }) => {
    const own = BrowserWindow.getAllWindows()[0]?.webContents
    const preload: string = own && Reflect.get(own, 'getLastWebPreferences').call(own).preload
    const window = new BrowserWindow({
      show: false,
      webPreferences: { preload, contextIsolation: true, sandbox: true, nodeIntegrationInSubFrames: true },
    })
    await window.loadURL('app://workbench/index.html')
    const answered: unknown = await window.webContents.executeJavaScript(`new Promise((resolve) => {
      const frame = document.createElement('iframe')
      frame.onload = () => {
        const inner = frame.contentWindow.workbench
        if (inner === undefined) resolve('the frame has no preload script')
        else inner.invoke('system.info', {}).then(() => resolve('answered'), ({ code }) => resolve(code))
      }
      frame.srcdoc = '<p>inside</p>'
      document.body.append(frame)
    })`)
    window.destroy()
    return answered
  })
  expect(answer).toBe('unauthorized')
})

test('a second instance on the same home folder ends and brings the first to the front', async ({
  shell,
}) => {
  const isVisible = () =>
    shell.app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows().map((window) => window.isVisible()),
    )
  // Hidden, not minimized: a display without a window manager knows no minimizing, nor does it give the focus.
  await shell.app.evaluate(({ BrowserWindow }) => {
    const window = BrowserWindow.getAllWindows()[0]
    if (window === undefined) return
    const counts = globalThis as { focused?: number }
    const focus = window.focus.bind(window)
    window.focus = () => {
      counts.focused = (counts.focused ?? 0) + 1
      focus()
    }
    window.hide()
  })
  expect(await isVisible()).toEqual([false])
  const { executablePath, args, env } = shellCommand(shell.home)
  const second = promisify(execFile)(executablePath, args, { env, timeout: 60_000 })
  await second
  expect(second.child.killed).toBe(false)
  await expect.poll(isVisible).toEqual([true])
  expect(await shell.app.evaluate(() => (globalThis as { focused?: number }).focused)).toBe(1)
})

test('the window opens again where it was left', async ({ shell, home }) => {
  const bounds = { x: 120, y: 90, width: 1000, height: 700 }
  await shell.app.evaluate(
    ({ BrowserWindow }, next) => BrowserWindow.getAllWindows()[0]?.setBounds(next),
    bounds,
  )
  await endShell(shell)
  const again = await launchShell(home)
  const restored = await again.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.getBounds(),
  )
  await endShell(again)
  expect(restored).toEqual(bounds)
})

test('a file chosen in the native dialog reaches the page', async ({ shell }) => {
  await shell.app.evaluate(({ dialog }) => {
    dialog.showOpenDialog = (async () => ({
      canceled: false,
      filePaths: ['/data/reviews.csv'],
    })) as typeof dialog.showOpenDialog
  })
  const files = await invoke(shell.page, 'shell.openFiles', {
    title: 'Choose a file',
    kind: 'files',
    extensions: ['csv'],
  })
  expect(files).toEqual(['/data/reviews.csv'])
})

test('a bad call of the shell’s own endpoints is refused with the setting’s name', async ({ shell }) => {
  expect(await refusal(shell.page, 'shell.openFiles', { kind: 'files' })).toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining('title'),
  })
  expect(await refusal(shell.page, 'shell.revealFolder', { path: '/no/such/folder' })).toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('/no/such/folder'),
  })
  expect(await refusal(shell.page, 'shell.run', {})).toMatchObject({ code: 'not-found' })
})
