import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { promisify } from 'node:util'

export interface Hardware {
  name: string
  /** Of its own; undefined where the system does not tell. */
  memoryBytes: number | undefined
}

/** The processor's name, or its architecture where the system does not tell, and the system's memory. */
export function processor(): Hardware {
  return { name: cpus()[0]?.model.trim() ?? process.arch, memoryBytes: totalmem() }
}

/** The driver's tool takes a second where nothing else uses the card. */
let knownCard: Hardware | undefined

/** The first CUDA card, by the driver's own tool; undefined where there is none. */
export async function cudaCard(): Promise<Hardware | undefined> {
  if (knownCard !== undefined) return knownCard
  try {
    const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits']
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000, windowsHide: true })
    const [name, mebibytes] = stdout.split('\n')[0]?.split(', ') ?? []
    if (!name) return undefined
    const memory = Number(mebibytes)
    knownCard = { name, memoryBytes: Number.isFinite(memory) ? memory * 2 ** 20 : undefined }
    return knownCard
  } catch {
    return undefined
  }
}

/** Where Linux lists what draws, and where it passes Windows' cards on (WSL). */
const linuxDevices = { folder: '/dev/dri', windows: '/dev/dxg' }

/**
 * Whether this machine may have a graphics card, by a look that costs nothing and touches no driver. Every Mac and
 * nearly every Windows machine has one.
 */
export async function mayHaveGraphicsCard(): Promise<boolean> {
  if (process.platform === 'darwin' || process.platform === 'win32') return true
  return (
    hasRenderNode(linuxDevices.folder) || existsSync(linuxDevices.windows) || (await cudaCard()) !== undefined
  )
}

/** @param folder where Linux lists its graphics devices */
export function hasRenderNode(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => name.startsWith('renderD'))
  } catch {
    return false
  }
}
