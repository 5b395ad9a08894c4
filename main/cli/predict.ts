import { readFileSync } from 'node:fs'
import { text as readAll } from 'node:stream/consumers'

import type { Command } from 'commander'

import { WorkbenchError, type OutputOf } from '../../preload/contract.ts'
import { common, withWorkbench, type CliHost, type CommonOptions } from './context.ts'
import { percent, shorten, table } from './format.ts'
import { findRun } from './lookup.ts'
import { requireTrained } from './runs.ts'
import { UsageError } from './usage.ts'

interface PredictFlags extends CommonOptions {
  file?: string
  second?: string
  task?: string
  active?: string
}

type Prediction = OutputOf<'runs.predict'>[number] & { text?: string; secondText?: string }

/** The most texts that one call takes. */
const batch = 1000

/** Texts of which the shares of fused adapters are printed layer by layer. */
const textsInLayers = 3

export function addPredictCommand(program: Command, host: CliHost): void {
  common(program.command('predict'))
    .description('classify texts with the best checkpoint of a run')
    .argument('<run>', 'id (or its beginning) or name')
    .argument('[texts...]', 'texts; without any, one per line from --file or stdin')
    .option('--file <file>', 'file with one text per line; a tabulator separates a pair')
    .option('--second <text>', 'second text, for a run on text pairs and one text')
    .option('--task <name>', 'which of several tasks answers (default: the first)')
    .option(
      '--active <selection>',
      'which adapters are at work: all, names with commas between, top2 (largest gates, or weights of a fusion), own or confident',
    )
    .action(async (wanted: string, given: string[], flags: PredictFlags) => {
      const texts = await textsOf(given, flags)
      await withWorkbench(host, flags, async (client, output) => {
        const run = await findRun(client, wanted)
        requireTrained(run)
        const predictions: Prediction[] = []
        for (let start = 0; start < texts.length; start += batch) {
          const part = texts.slice(start, start + batch)
          const answers = await client.invoke('runs.predict', {
            id: run.id,
            texts: part,
            ...(flags.task === undefined ? {} : { task: flags.task }),
            ...(flags.active === undefined ? {} : { active: flags.active }),
          })
          predictions.push(...answers.map((answer, index) => ({ ...part[index], ...answer })))
        }
        const severalTasks = flags.task !== undefined || flags.active !== undefined
        const adapters = predictions.some(({ fusion }) => fusion !== undefined)
          ? ((await client.invoke('runs.get', { id: run.id })).analysis.fusion?.adapters ?? [])
          : []
        output.result(predictions, () =>
          [
            table(
              [...(severalTasks ? ['task'] : []), 'label', 'score', 'text'],
              predictions.map((prediction) => [
                ...(severalTasks ? [prediction.task] : []),
                prediction.label,
                percent(prediction.scores.find((entry) => entry.label === prediction.label)?.score),
                textOf(prediction, 100),
              ]),
            ),
            ...listenedTo(predictions, adapters),
          ].join('\n'),
        )
      })
    })
}

function textOf({ text = '', secondText }: Prediction, width: number): string {
  return shorten(secondText === undefined ? text : `${text} | ${secondText}`, width)
}

/** What a fusion listened to in each of the first texts: a row for each layer, a column for each adapter. */
function listenedTo(predictions: readonly Prediction[], adapters: readonly string[]): string[] {
  const fused = predictions.filter(({ fusion }) => fusion !== undefined)
  const sections = fused.slice(0, textsInLayers).map((prediction) => {
    const { fusion = [] } = prediction
    const hasPlaces = new Set(fusion.map(({ place }) => place)).size > 1
    const header = (fusion[0]?.weights ?? []).map(
      (_, index) => adapters[index] ?? `adapter ${String(index + 1)}`,
    )
    return `\nshare of each adapter in “${textOf(prediction, 60)}”\n${table(
      ['layer', ...(hasPlaces ? ['place'] : []), ...header],
      fusion.map(({ layer, place, weights }) => [
        String(layer),
        ...(hasPlaces ? [place] : []),
        ...weights.map(percent),
      ]),
    )}`
  })
  const more = fused.length - textsInLayers
  return more > 0 ? [...sections, `\nThe shares in ${String(more)} more texts: with --json.`] : sections
}

async function textsOf(
  given: string[],
  flags: PredictFlags,
): Promise<{ text: string; secondText?: string }[]> {
  if (flags.second !== undefined && given.length !== 1)
    throw new UsageError('--second goes with exactly one text.')
  if (given.length > 0 && flags.file !== undefined)
    throw new UsageError('Give either texts or --file, not both.')
  if (given.length > 0) {
    return given.map((text) => (flags.second === undefined ? { text } : { text, secondText: flags.second }))
  }
  if (flags.file === undefined && process.stdin.isTTY)
    throw new UsageError('Give a text, or a file with --file.')
  const content = flags.file === undefined ? await readAll(process.stdin) : readTextFile(flags.file)
  const lines = content.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (lines.length === 0) throw new UsageError('There is no text to classify.')
  return lines.map((line) => {
    const at = line.indexOf('\t')
    return at < 0 ? { text: line } : { text: line.slice(0, at), secondText: line.slice(at + 1) }
  })
}

function readTextFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new WorkbenchError('not-found', `The file ${file} cannot be read: ${reason}`, { cause: error })
  }
}
