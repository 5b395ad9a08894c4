type Environment = Readonly<Record<string, string | undefined>>

export const root: string
export function nodeBinary(folder?: string): string
export function electronBinary(
  folder?: string,
  environment?: Environment,
  platform?: NodeJS.Platform,
): string | undefined
export function fingerprint(folder?: string): string
export function isStale(folder?: string): boolean
export function ensureBuilt(options?: {
  folder?: string
  always?: boolean
  build?: (folder: string) => Promise<number>
}): Promise<number>
export function userFolder(environment?: Environment, current?: string, folder?: string): string
export function desktopProblem(
  electron: string | undefined,
  environment?: Environment,
  platform?: NodeJS.Platform,
): string | undefined
