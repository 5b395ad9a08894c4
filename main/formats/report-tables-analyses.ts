import type { ComparedContributions, ComparedGroup, ComparedSequence } from '../../preload/contract.ts'
import { switchedOff } from '../../preload/contract/method-text.ts'
import { fullName, scoreNames, type ReportData, type ReportTable } from './report-data.ts'
import { pointsOf, signedScore, spreadScore } from './report-tables.ts'

const none = '–'

type Compared = Pick<ReportData, 'comparison'>

/** Of groups that trained tasks one after the other: the scores after each stage, and what they come to. */
export function sequenceTables({ comparison: { groups, metric } }: Compared): ReportTable[] {
  const known = groups.flatMap((group) => (group.sequence ? [{ group, sequence: group.sequence }] : []))
  if (known.length === 0) return []
  const unit = metric === 'matthews' ? '' : ' (%)'
  return [
    {
      title: 'After the last task',
      header: [
        'variant',
        'tasks in order',
        `average score${unit}`,
        `average forgetting (${pointsOf(metric)})`,
        `backward transfer (${pointsOf(metric)})`,
      ],
      rows: known.map(({ group, sequence: { stages, averageScore, forgetting, backwardTransfer } }) => ({
        cells: [
          fullName(group, groups),
          stages.join(' → '),
          averageScore ? spreadScore(averageScore, metric) : none,
          forgetting ? signedScore(forgetting, metric) : none,
          backwardTransfer ? signedScore(backwardTransfer, metric) : none,
        ],
        best: [],
      })),
    },
    ...known.map(({ group, sequence }): ReportTable => ({
      title: `${fullName(group, groups)}: ${scoreNames[metric]}${unit} of each task`,
      header: ['stage', 'after training on', ...taskNames(sequence)],
      rows: sequence.stages.map((name, stage) => ({
        cells: [
          String(stage + 1),
          name,
          ...sequence.tasks.map((_, task) => {
            const cell = sequence.scores.find((one) => one.stage === stage && one.task === task)
            return cell ? spreadScore(cell.score, metric) : none
          }),
        ],
        best: [],
      })),
    })),
  ]
}

/** Names of a sequence's tasks with the rows that each is measured on. */
export function taskNames({ tasks }: ComparedSequence): string[] {
  return tasks.map(({ name, split }) => `${name}, ${split}`)
}

export const sequenceNote =
  'The score of a task after stage j is that of its own head and adapters on the backbone as stage j left it. ' +
  'With a(j, i) the score on task i after stage j, t(i) the stage that trained it and T the last: ' +
  'average score = mean of a(T, i) over all tasks; ' +
  'average forgetting = mean over the earlier tasks of max a(l, i), t(i) ≤ l < T, less a(T, i) (Chaudhry et al. 2018); ' +
  'backward transfer = mean over the earlier tasks of a(T, i) − a(t(i), i) (Lopez-Paz and Ranzato 2017).'

/** The groups whose methods have several parts. */
export function withContributions(
  groups: readonly ComparedGroup[],
): { group: ComparedGroup; contributions: ComparedContributions }[] {
  return groups.flatMap((group) =>
    group.contributions ? [{ group, contributions: group.contributions }] : [],
  )
}

/** What is left of the validation score of methods of several parts with some of them switched off. */
export function contributionTables({ comparison: { groups, metric } }: Compared): ReportTable[] {
  const known = withContributions(groups)
  if (known.length === 0) return []
  const several = new Set(known.map(({ group }) => group.datasetId)).size > 1
  return [
    {
      title: 'Parts switched off',
      header: [
        'variant',
        ...(several ? ['dataset'] : []),
        'switched off',
        `validation ${scoreNames[metric]}${metric === 'matthews' ? '' : ' (%)'}`,
        `less than with all parts (${pointsOf(metric)})`,
      ],
      rows: known.flatMap(({ group, contributions }) =>
        contributions.ablations.map(({ without, score, fall }) => ({
          cells: [
            fullName(group, groups),
            ...(several ? [group.datasetName] : []),
            switchedOff(without, contributions.parts),
            spreadScore(score, metric),
            without.length === 0 ? none : signedScore(fall, metric),
          ],
          best: [],
        })),
      ),
    },
    ...known.map(({ group, contributions: { parts, changes } }): ReportTable => ({
      title: `${nameWithDataset(group, groups, several)}: change of each layer’s output by each part (%)`,
      header: ['layer', ...parts],
      rows: changes.map((row, layer) => ({
        cells: [String(layer), ...row.map((change) => spreadScore(change, 'accuracy'))],
        best: [],
      })),
    })),
  ]
}

export const contributionNote =
  'Change by part p in layer l: the mean over the tokens of the validation rows of ‖h − h₋ₚ‖ / ‖h‖, with h the layer’s ' +
  'output, and h₋ₚ the same layer’s output from the same input with p alone switched off in it. Layers count from 0.'

function nameWithDataset(group: ComparedGroup, all: readonly ComparedGroup[], several: boolean): string {
  return several ? `${fullName(group, all)}, ${group.datasetName}` : fullName(group, all)
}
