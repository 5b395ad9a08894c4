/** A key press reaches a program several times: from the terminal, and again from npm and from the launcher. */
const samePressMilliseconds = 1000

/**
 * Call `stop` on the first SIGINT, SIGTERM or SIGHUP. Who asks again later (Ctrl-C a second time) ends the process at once
 * with the shell's customary status. Returns how to give the signals back.
 */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): () => void {
  let firstAt: number | undefined
  const listener = (signal: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = performance.now()
      stop(signal)
    } else if (performance.now() - firstAt > samePressMilliseconds) {
      process.exit(signal === 'SIGINT' ? 130 : 143)
    }
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, listener)
  return () => {
    for (const signal of signals) process.off(signal, listener)
  }
}
