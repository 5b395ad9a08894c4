import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { z } from 'zod'

import type { QuantisedFile, WeightFile } from '../main/engines/engine.ts'
import type { Kind } from './graphs.ts'
import type { WeightFiles, WorkloadSpec } from './sizes.ts'

/** A file of weights as it crosses to another process. */
type Crossing<File extends { path: string; entries: ReadonlyMap<string, unknown> }> = {
  path: string
  entries: (File['entries'] extends ReadonlyMap<string, infer Entry> ? [string, Entry] : never)[]
}

export interface LoadRequest {
  kind: Kind
  work: WorkloadSpec
  engine: string
  device: string
  cut: boolean
  /** All tasks are read in one pass, not the first alone. */
  allTasks?: boolean
  threads: number
  weights: Crossing<WeightFile>
  quantised?: Crossing<QuantisedFile>
}

const Answer = z.object({
  /** Of each run. */
  ms: z.array(z.number()).default([]),
  /** The same, of the processor's time in all threads. */
  processorMs: z.array(z.number()).default([]),
  /** The last run's loss or first logit. */
  result: z.number().optional(),
  /** Of the whole process, now and at most. */
  rssBytes: z.number().optional(),
  peakRssBytes: z.number(),
  /** Tensors that TensorFlow.js holds. */
  tensors: z.number().optional(),
  /** What loading took, and the floating-point operations of one run. */
  buildMs: z.number().optional(),
  compileMs: z.number().optional(),
  operations: z.number().optional(),
})
export type Answer = z.infer<typeof Answer>
const Failure = z.object({ error: z.string() })

/** One side of a comparison: a live process that is asked, one JSON line at a time, to run so many steps. */
export interface Side {
  /** @throws Error with what the process says is wrong */
  ask(request: object): Promise<Answer>
  end(): void
}

/**
 * Starts a process of ours (bench/ours.ts) and has it compile its graph.
 *
 * @param int8 whether its backbone is the one in 8 bits
 */
export function openOurs(
  request: Omit<LoadRequest, 'weights' | 'quantised'>,
  { weights, quantised }: WeightFiles,
  int8 = false,
): Promise<OpenSide> {
  return open(process.execPath, 'ours.ts', {
    ...request,
    weights: { path: weights.path, entries: [...weights.entries] },
    ...(quantised && int8 ? { quantised: { path: quantised.path, entries: [...quantised.entries] } } : {}),
  } satisfies LoadRequest)
}

/** Starts a process of PyTorch's (bench/torch_reference.py). @param python that has PyTorch */
export function openTorch(python: string, request: object, { weights }: WeightFiles): Promise<OpenSide> {
  const { path, entries } = weights
  return open(python, 'torch_reference.py', {
    ...request,
    weights: path,
    entries: Object.fromEntries(entries),
  })
}

export interface OpenSide {
  side: Side
  /** What loading told. */
  loaded: Answer
}

async function open(command: string, script: string, load: object): Promise<OpenSide> {
  const side = startSide(command, [fileURLToPath(new URL(script, import.meta.url))])
  try {
    return { side, loaded: await side.ask({ load }) }
  } catch (error) {
    side.end()
    throw error
  }
}

function startSide(command: string, args: readonly string[]): Side {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const { stdin, stdout } = child
  if (!stdin || !stdout) throw new Error(`${command} cannot be talked to`)
  // A side that could not be started, or has ended, is told of by the missing answer.
  child.on('error', () => undefined)
  stdin.on('error', () => undefined)
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return {
    async ask(request) {
      stdin.write(`${JSON.stringify(request)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`${command} ${args.join(' ')} ended before it answered`)
      const answer: unknown = JSON.parse(value)
      const failure = Failure.safeParse(answer)
      if (failure.success) throw new Error(failure.data.error)
      return Answer.parse(answer)
    },
    end: () => void child.kill(),
  }
}
