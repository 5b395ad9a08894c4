/** Checks runs against the contract's own schema before they are sent, so that errors stand at their settings. */
import { RunConfig, type InputOf } from '../../preload/contract.ts'

/** Error sentences by the setting's path (`training.epochs`); empty where all runs can be sent. */
export function checkConfigs(configs: readonly InputOf<'runs.start'>[]): Record<string, string> {
  const errors: Record<string, string> = {}
  for (const config of configs) {
    const parsed = RunConfig.safeParse(config)
    for (const issue of parsed.error?.issues ?? []) errors[issue.path.join('.')] ??= issue.message
  }
  return errors
}
