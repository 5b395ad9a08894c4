import { execFile } from 'node:child_process'
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

/** The first CUDA card, by the driver's own tool; undefined where there is none. */
export async function cudaCard(): Promise<Hardware | undefined> {
  try {
    const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits']
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000, windowsHide: true })
    const [name, mebibytes] = stdout.split('\n')[0]?.split(', ') ?? []
    if (!name) return undefined
    const memory = Number(mebibytes)
    return { name, memoryBytes: Number.isFinite(memory) ? memory * 2 ** 20 : undefined }
  } catch {
    return undefined
  }
}
