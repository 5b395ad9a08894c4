/** Matching for the command palette: every word's letters in order, word starts and runs of letters first. */

/** A score from 0 up, higher is better; undefined where the text does not match. */
export function fuzzyScore(query: string, text: string): number | undefined {
  const target = text.toLowerCase()
  let score = 0
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const exact = target.indexOf(word)
    if (exact >= 0) {
      score += 100 + (isStart(target, exact) ? 50 : 0) - Math.min(exact, 40)
      continue
    }
    const letters = scatteredScore(word, target)
    if (letters === undefined) return undefined
    score += letters
  }
  return score
}

function isStart(text: string, index: number): boolean {
  return index === 0 || /[\s/_.:-]/.test(text[index - 1] ?? '')
}

function scatteredScore(word: string, target: string): number | undefined {
  let at = -1
  let score = 0
  for (const letter of word) {
    const next = target.indexOf(letter, at + 1)
    if (next < 0) return undefined
    score += next === at + 1 ? 4 : isStart(target, next) ? 3 : 1
    at = next
  }
  return score
}
