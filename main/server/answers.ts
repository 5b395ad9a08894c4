import { rememberedSeconds } from '../../preload/contract/wire.ts'

/** Bytes of answers that are kept at most; the oldest go first. */
const largestTotal = 16 * 2 ** 20

/**
 * Runs each call once, however often its id is asked: a client that lost its connection asks again under the
 * same id and gets the outcome of the first. Outcomes are kept as the text that is sent.
 */
export function createAnswers(now: () => number = Date.now) {
  const running = new Map<string, Promise<string>>()
  const settled = new Map<string, { text: string; at: number }>()
  let total = 0

  const forget = (): void => {
    for (const [id, { text, at }] of settled) {
      if (total <= largestTotal && now() - at < rememberedSeconds * 1000) return
      settled.delete(id)
      total -= text.length
    }
  }

  return {
    /** @param run never rejects: a failed call is an answer too */
    answer: (id: string, run: () => Promise<string>): Promise<string> => {
      forget()
      const known = settled.get(id)
      if (known !== undefined) return Promise.resolve(known.text)
      const current = running.get(id)
      if (current !== undefined) return current
      const started = run().then((text) => {
        running.delete(id)
        settled.set(id, { text, at: now() })
        total += text.length
        return text
      })
      running.set(id, started)
      return started
    },
  }
}
