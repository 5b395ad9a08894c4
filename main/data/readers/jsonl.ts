import { splitOfWord } from '../columns.ts'
import type { Line } from '../lines.ts'
import { checkRecord, type RecordItem, type RecordReader } from './records.ts'

export interface FieldNames {
  text: string
  secondText?: string | undefined
  label?: string | undefined
  split?: string | undefined
}

/** One JSON object per line. Labels may be numbers or booleans; texts are strings. */
export function createJsonlReader(names: FieldNames, fixedLabel?: string): RecordReader {
  function read({ number: line, text: content, problem }: Line): RecordItem {
    if (problem !== undefined) return { line, reason: problem }
    if (content.trim() === '') return { line, reason: 'the line is empty' }
    let value: unknown
    try {
      value = JSON.parse(content)
    } catch (error) {
      return { line, reason: `not valid JSON: ${error instanceof Error ? error.message : String(error)}` }
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return { line, reason: 'not a JSON object' }
    }
    const object = new Map<string, unknown>(Object.entries(value))
    const text = object.get(names.text)
    if (text === undefined || text === null)
      return { line, reason: `the text is missing (no "${names.text}")` }
    if (typeof text !== 'string') return { line, reason: `the text ("${names.text}") is not a string` }
    const secondText = names.secondText === undefined ? undefined : object.get(names.secondText)
    if (names.secondText !== undefined && typeof secondText !== 'string') {
      return { line, reason: `the second text ("${names.secondText}") is missing or not a string` }
    }
    const label = fixedLabel ?? object.get(names.label ?? '')
    if (label === undefined || label === null) return { line, reason: 'the label is missing' }
    if (typeof label !== 'string' && typeof label !== 'number' && typeof label !== 'boolean') {
      return { line, reason: `the label ("${names.label ?? ''}") is neither text nor a number` }
    }
    const word = names.split === undefined ? undefined : object.get(names.split)
    const split = typeof word === 'string' ? splitOfWord(word) : undefined
    if (names.split !== undefined && split === undefined) {
      return {
        line,
        reason: `the split (${JSON.stringify(word) ?? 'missing'}) is not train, validation or test`,
      }
    }
    return checkRecord(line, {
      text,
      secondText: typeof secondText === 'string' ? secondText : undefined,
      label: String(label),
      split,
    })
  }
  return { push: (line) => [read(line)], flush: () => [] }
}
