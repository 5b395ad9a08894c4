/** Times in milliseconds. */
export interface RunLimits {
  /** Runs that train at the same time. */
  concurrency: number
  /** A trainer without a sign of life for so long is killed; five times that before its first message. */
  silence: number
  /** From a request to pause or stop until the trainer is killed. */
  end: number
  /** The same when the program closes. */
  close: number
  /** Between two writes of what a trainer reports. */
  interval: number
  /** Before a write that failed is tried again. */
  retry: number
  /** How long a resumed run waits for a trainer that the last program left behind. */
  leftover: number
}

export const defaultRunLimits: RunLimits = {
  concurrency: 1,
  silence: 180_000,
  end: 60_000,
  close: 10_000,
  interval: 200,
  retry: 2_000,
  leftover: 30_000,
}
