import { spawn } from 'node:child_process'

/** The command that opens a URL in the user's browser; undefined where no screen is to be expected. */
export function browserCommand(
  url: string,
  platform: NodeJS.Platform = process.platform,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): [string, string[]] | undefined {
  const set = (name: string): boolean => environment[name] !== undefined && environment[name] !== ''
  if (set('CI')) return undefined
  // `start` would take the first quoted argument for a title.
  if (platform === 'win32') return ['cmd', ['/c', 'start', '""', url]]
  if (platform === 'darwin') return ['open', [url]]
  return set('DISPLAY') || set('WAYLAND_DISPLAY') ? ['xdg-open', [url]] : undefined
}

/** Open a URL in the default browser where there is one; whoever has none still has the printed URL. */
export function openBrowser(url: string): void {
  const command = browserCommand(url)
  if (command === undefined) return
  const child = spawn(command[0], command[1], { stdio: 'ignore', detached: true })
  child.on('error', () => undefined)
  child.unref()
}
