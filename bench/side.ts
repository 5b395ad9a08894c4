import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

import { z } from 'zod'

const Answer = z.object({
  ms: z.array(z.number()).default([]),
  result: z.number().optional(),
  peakRssBytes: z.number(),
  torch: z.string().optional(),
})
export type Answer = z.infer<typeof Answer>

/** One side of the comparison: a live process that is asked, one JSON line at a time, to run so many steps. */
export interface Side {
  ask(request: object): Promise<Answer>
  end(): void
}

export function startSide(command: string, args: readonly string[]): Side {
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
      return Answer.parse(JSON.parse(value))
    },
    end: () => void child.kill(),
  }
}
