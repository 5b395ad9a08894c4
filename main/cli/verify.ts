import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

import type { Command } from 'commander'

import { WorkbenchError } from '../../preload/contract.ts'
import type { CaseReport, CliHost } from './context.ts'
import { table } from './format.ts'
import { createOutput } from './output.ts'
import { Unsuccessful } from './usage.ts'

interface VerifyOptions {
  json?: boolean
  engine: string
  device?: string
}

export function addVerifyCommand(program: Command, host: CliHost): void {
  program
    .command('verify')
    .description('compare this program with worked cases of the reference library')
    .argument('<folders...>', 'golden cases, or folders that hold some')
    .option('--engine <name>', 'onnxruntime or tensorflow', 'onnxruntime')
    .option('--device <name>', "one of the engine's devices; default: cpu, and tensorflow's own")
    .option('--json', 'print one JSON document on stdout')
    .action(async (given: string[], options: VerifyOptions) => {
      const folders = given.flatMap(casesIn)
      const { engine } = options
      const device = options.device ?? (engine === 'tensorflow' ? 'tensorflow' : 'cpu')
      const output = createOutput(options.json === true)
      const reports: CaseReport[] = []
      for (const [index, folder] of folders.entries()) {
        output.progress({
          label: `verifying ${folder}`,
          done: index / folders.length,
          secondsLeft: undefined,
        })
        // `cases/*` takes in what else lies there, such as a README.
        if (folders.length > 1 && statSync(folder, { throwIfNoEntry: false })?.isFile() === true) {
          output.log(`${folder} is a file, no case: passed over`)
          continue
        }
        const report = await host.verifyCase(folder, engine, device).catch((error: unknown): CaseReport => {
          // One folder that is no case must not hide what becomes of the others.
          const isNoCase = error instanceof WorkbenchError && error.code === 'bad-input'
          if (!isNoCase || folders.length === 1) throw error
          return { case: basename(folder), ok: false, engine, device, maxAbs: {}, problems: [error.message] }
        })
        for (const problem of report.problems) output.log(`${report.case}: ${problem}`)
        reports.push(report)
      }
      output.endProgress()
      output.result(
        reports.map(({ case: name, ok, engine, device, maxAbs }) => ({
          case: name,
          ok,
          engine,
          device,
          maxAbs,
        })),
        () => describe(reports),
      )
      const bad = reports.filter((report) => !report.ok).map((report) => report.case)
      if (bad.length > 0) {
        throw new Unsuccessful(
          `${String(bad.length)} of the cases differ from the reference: ${bad.join(', ')}`,
        )
      }
    })
}

/** The folder itself, or the cases that lie in it. */
function casesIn(folder: string): string[] {
  const isCase = (path: string): boolean => existsSync(join(path, 'config.json'))
  if (isCase(folder) || statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [folder]
  const cases = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter(isCase)
  return cases.length > 0 ? cases.toSorted() : [folder]
}

function describe(reports: CaseReport[]): string {
  const summary = table(
    ['case', 'result', 'engine', 'device', 'largest difference', 'where'],
    reports.map((report) => {
      const [where, value] = Object.entries(report.maxAbs).sort((a, b) => b[1] - a[1])[0] ?? ['', 0]
      return [
        report.case,
        report.ok ? 'same' : Object.keys(report.maxAbs).length === 0 ? 'NOT READ' : 'DIFFERS',
        report.engine,
        report.device,
        value.toExponential(1),
        where,
      ]
    }),
  )
  const details = reports.map(
    (report) =>
      `${report.case}\n${table(
        ['tensor', 'largest difference'],
        Object.entries(report.maxAbs).map(([name, value]) => [name, value.toExponential(1)]),
      )}`,
  )
  return [...details, summary].join('\n\n')
}
