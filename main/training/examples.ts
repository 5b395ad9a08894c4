import { setImmediate } from 'node:timers/promises'

import { WorkbenchError, type SplitName } from '../../preload/contract.ts'
import { readRows } from '../data/dataset-file.ts'
import type { Tokenizer } from '../data/tokenizer.ts'

/** The tokenised rows of one split. */
export interface Examples {
  texts: { ids: Int32Array; typeIds: Int32Array }[]
  /** Tokens of each text. */
  lengths: Int32Array
  /** Class index of each text. */
  classes: Int32Array
}

/** Rows between two chances for messages to come in. */
const rowsAtOnce = 500

/** Tokenises a stored dataset, split by split. */
export async function readExamples(
  datasetFile: string,
  tokenizer: Tokenizer,
  labels: readonly string[],
  maximumLength: number,
): Promise<Record<SplitName, Examples>> {
  const classOf = new Map(labels.map((label, index) => [label, index]))
  const collected: Record<SplitName, { texts: Examples['texts']; classes: number[] }> = {
    train: { texts: [], classes: [] },
    validation: { texts: [], classes: [] },
    test: { texts: [], classes: [] },
  }
  let count = 0
  for await (const row of readRows(datasetFile)) {
    const label = classOf.get(row.label)
    if (label === undefined) {
      throw new WorkbenchError(
        'bad-input',
        `row ${row.index} of the dataset has the label "${row.label}", which the dataset does not list; import it again`,
      )
    }
    collected[row.split].texts.push(encode(tokenizer, row, maximumLength))
    collected[row.split].classes.push(label)
    count += 1
    if (count % rowsAtOnce === 0) await setImmediate()
  }
  const finish = ({ texts, classes }: { texts: Examples['texts']; classes: number[] }): Examples => ({
    texts,
    lengths: Int32Array.from(texts, ({ ids }) => ids.length),
    classes: Int32Array.from(classes),
  })
  return {
    train: finish(collected.train),
    validation: finish(collected.validation),
    test: finish(collected.test),
  }
}

function encode(
  tokenizer: Tokenizer,
  { text, secondText }: { text: string; secondText?: string | undefined },
  maximumLength: number,
) {
  const { ids, typeIds } = tokenizer.encode(text, secondText, maximumLength)
  return { ids: Int32Array.from(ids), typeIds: Int32Array.from(typeIds) }
}

/** Texts that come without labels, for prediction. */
export function encodeTexts(
  texts: readonly { text: string; secondText?: string | undefined }[],
  tokenizer: Tokenizer,
  maximumLength: number,
): Examples {
  const encoded = texts.map((text) => encode(tokenizer, text, maximumLength))
  return {
    texts: encoded,
    lengths: Int32Array.from(encoded, ({ ids }) => ids.length),
    classes: new Int32Array(encoded.length),
  }
}

/** The examples of a batch, by their indices. */
export function pick({ texts, classes }: Examples, indices: Uint32Array) {
  const examples: { ids: Int32Array; typeIds: Int32Array }[] = []
  const chosen = new Int32Array(indices.length)
  indices.forEach((index, row) => {
    const text = texts[index]
    if (!text) throw new Error(`a batch names example ${index} of ${texts.length}`)
    examples.push(text)
    chosen[row] = classes[index] ?? 0
  })
  return { examples, classes: chosen }
}
