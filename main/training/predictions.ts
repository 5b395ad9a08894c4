import { join } from 'node:path'

import type { SplitName } from '../../preload/contract.ts'
import { readSafetensors, writeSafetensors, type TensorToWrite } from '../models/checkpoint/safetensors.ts'

const fileName = 'predictions.safetensors'

/** What a run's best parameters answered to the rows of one split of one task, in the order of the dataset. */
export interface KeptAnswers {
  split: Exclude<SplitName, 'train'>
  /** Index of the task. */
  task: number
  /** [rows, labels] */
  logits: Float32Array
  /** True class of each row. */
  classes: Int32Array
}

/**
 * Writes a run's answers into its folder: tensors `<split>.<task>.logits` [rows, labels] (float32) and
 * `<split>.<task>.classes` [rows] (int32).
 */
export async function writeAnswers(runFolder: string, answers: readonly KeptAnswers[]): Promise<void> {
  const tensors = answers
    .filter(({ classes }) => classes.length > 0)
    .flatMap(({ split, task, logits, classes }): TensorToWrite[] => [
      {
        name: `${split}.${task}.logits`,
        shape: [classes.length, logits.length / classes.length],
        data: logits,
      },
      { name: `${split}.${task}.classes`, shape: [classes.length], data: classes },
    ])
  await writeSafetensors(join(runFolder, fileName), tensors)
}

/** One split's answers of one task; undefined where the run left none (an older program's, an imported one). */
export async function readAnswers(
  runFolder: string,
  split: KeptAnswers['split'],
  task = 0,
): Promise<KeptAnswers | undefined> {
  let file
  try {
    file = await readSafetensors(join(runFolder, fileName))
  } catch {
    return undefined
  }
  try {
    const [logits, classes] = [`${split}.${task}.logits`, `${split}.${task}.classes`]
    if (!file.tensors.has(logits) || !file.tensors.has(classes)) return undefined
    return {
      split,
      task,
      logits: await file.read(logits),
      classes: Int32Array.from(await file.read(classes)),
    }
  } finally {
    await file.close()
  }
}
