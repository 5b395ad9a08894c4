/** The folder after `--home`, or in `--home=`, among a program's arguments; those of Electron itself are passed over. */
export function homeFromArguments(argv: readonly string[]): string | undefined {
  for (const [index, argument] of argv.entries()) {
    if (argument === '--home') return argv[index + 1]
    if (argument.startsWith('--home=')) return argument.slice('--home='.length)
  }
  return undefined
}
