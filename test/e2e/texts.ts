/** Labelled text to import, made here so that specs need no files from elsewhere. */

const subjects = [
  'The train',
  'My parcel',
  'This film',
  'The soup',
  'Her speech',
  'The new phone',
  'Our hotel',
  'That book',
]
const good = [
  'was wonderful',
  'made me happy',
  'came early and in perfect shape',
  'is the best so far',
  'was a joy',
]
const bad = [
  'was awful',
  'made me angry',
  'came late and broken',
  'is the worst so far',
  'was a waste of time',
]
const endings = [
  'this morning',
  'yesterday',
  'in the end',
  'as everyone said',
  'for once',
  'again',
  'on Sunday',
]

/** `count` lines of CSV with the columns `review` and `mood`, every one different. */
export function reviewsCsv(count: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const isGood = index % 2 === 0
    const pick = (list: readonly string[], step: number) => list[Math.floor(index / step) % list.length] ?? ''
    const text = `${pick(subjects, 2)} ${pick(isGood ? good : bad, 16)} ${pick(endings, 80)}`
    return `"${text}, number ${index}",${isGood ? 'good' : 'bad'}`
  })
  return ['review,mood', ...lines].join('\n')
}
