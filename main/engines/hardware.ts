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

/** A CUDA card; `none` where the driver's tool is not there or lists none, `unknown` where it fails or hangs. */
export type CardAnswer = Hardware | 'none' | 'unknown'

/** The driver's tool takes a second where nothing else uses the card. */
let knownCard: Hardware | undefined

/** The first CUDA card; undefined where there is none, or where the driver's tool fails. */
export async function cudaCard(): Promise<Hardware | undefined> {
  const answer = await askForCudaCard()
  return typeof answer === 'string' ? undefined : answer
}

/**
 * The first CUDA card, by the driver's own tool. Another process may be answered `unknown` where this one is not.
 *
 * @param timeout how long the tool may take, milliseconds
 */
export async function askForCudaCard(timeout = 10_000): Promise<CardAnswer> {
  if (knownCard !== undefined) return knownCard
  const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits']
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout, windowsHide: true })
    const [name, mebibytes] = stdout.split('\n')[0]?.split(', ') ?? []
    // Without a card some versions print a sentence and succeed.
    if (!name || mebibytes === undefined) return 'none'
    const memory = Number(mebibytes)
    knownCard = { name, memoryBytes: Number.isFinite(memory) ? memory * 2 ** 20 : undefined }
    return knownCard
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'none' : 'unknown'
  }
}

/** Where Linux lists what draws, and where it passes Windows' cards on (WSL). */
const linuxDevices = { folder: '/dev/dri', windows: '/dev/dxg' }

/**
 * Whether this machine may have a graphics card, by a look that costs nothing and touches no driver. Every Mac and
 * nearly every Windows machine has one; so may a Linux machine whose driver's tool is there and fails.
 */
export async function mayHaveGraphicsCard(): Promise<boolean> {
  if (process.platform === 'darwin' || process.platform === 'win32') return true
  return (
    hasRenderNode(linuxDevices.folder) ||
    existsSync(linuxDevices.windows) ||
    (await askForCudaCard()) !== 'none'
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
