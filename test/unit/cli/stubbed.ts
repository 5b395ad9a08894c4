import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach } from 'vitest'

import { attachOrOpen, type Connection } from '../../../main/attach.ts'
import { ProgramSettings } from '../../../preload/contract.ts'
import { createStubWorkbench, type StubWorkbench } from '../server/stub-workbench.ts'
import { runProgram, type Ended } from './program.ts'

/**
 * For each test a home folder with a stub workbench, to which the commands attach: what they ask of it and make of its
 * answers can be seen.
 */
export function stubbed() {
  let home: string
  let workbench: StubWorkbench
  let connection: Connection

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'workbench-cli-'))
    workbench = createStubWorkbench()
    workbench.answers['settings.get'] = () => ProgramSettings.parse({})
    connection = await attachOrOpen(home, () => workbench)
  })

  afterEach(async () => {
    await connection.close()
    rmSync(home, { recursive: true, force: true })
  })

  return {
    get home() {
      return home
    },
    /** Answers to come, by endpoint. */
    get answers() {
      return workbench.answers
    },
    get calls() {
      return workbench.calls
    },
    /** What the first call of an endpoint was given. */
    inputOf: (name: string) => workbench.calls.find((call) => call.name === name)?.input,
    publish: (...message: Parameters<StubWorkbench['publish']>) => workbench.publish(...message),
    /** Takes the workbench away. */
    close: () => connection.close(),
    cli: (...args: string[]): Promise<Ended> => runProgram(args, { home }),
  }
}
