/** What the command palette offers: screens, actions, and everything that has a name. */
import { chooseTheme } from './theme.svelte.ts'
import { addSamples } from './dataset-actions.svelte.ts'
import { dialogs } from './dialogs.svelte.ts'
import { fuzzyScore } from './fuzzy.ts'
import { navigate } from './router.svelte.ts'
import { actOnRuns } from './run-actions.svelte.ts'
import { allows, statusWords } from './run-status.ts'
import { screens } from './screens.ts'
import { adapters, datasets, models, runs } from './stores.svelte.ts'

export interface Command {
  id: string
  group: 'Go to' | 'Action' | 'Run' | 'Dataset' | 'Model' | 'Library'
  label: string
  detail?: string
  keys?: string
  run: () => void
}

function actions(): Command[] {
  const action = (id: string, label: string, run: () => void, keys?: string): Command => ({
    id,
    group: 'Action',
    label,
    run,
    ...(keys === undefined ? {} : { keys }),
  })
  const live = runs.all.filter((run) => allows(run, 'pause') || allows(run, 'stop'))
  return [
    action('new-run', 'Start a new run', () => navigate(['runs', 'new'])),
    action('import', 'Import a dataset', () => navigate(['datasets', 'import'])),
    action('samples', 'Load the sample tasks', () => void addSamples()),
    action('add-model', 'Add a model folder', () => navigate(['models'], { add: '1' })),
    action('theme-dark', 'Theme: dark', () => chooseTheme('dark')),
    action('theme-light', 'Theme: light', () => chooseTheme('light')),
    action('theme-system', 'Theme: follow the system', () => chooseTheme('system')),
    action('shortcuts', 'Show keyboard shortcuts', () => (dialogs.shortcuts = true), '?'),
    ...live.flatMap((run) => [
      ...(allows(run, 'pause')
        ? [action(`pause-${run.id}`, `Pause ${run.name}`, () => void actOnRuns([run], 'pause'))]
        : []),
      ...(allows(run, 'stop')
        ? [action(`stop-${run.id}`, `Stop ${run.name}`, () => void actOnRuns([run], 'stop'))]
        : []),
    ]),
    ...runs.all
      .filter((run) => allows(run, 'resume'))
      .map((run) => action(`resume-${run.id}`, `Resume ${run.name}`, () => void actOnRuns([run], 'resume'))),
  ]
}

/** All commands as things stand. */
export function allCommands(): Command[] {
  return [
    ...screens.map((screen): Command => ({
      id: `go-${screen.id}`,
      group: 'Go to',
      label: screen.label,
      keys: screen.keys,
      run: () => navigate(screen.path),
    })),
    ...actions(),
    ...runs.all.map((run): Command => ({
      id: run.id,
      group: 'Run',
      label: run.name,
      detail: statusWords[run.status],
      run: () => navigate(['runs', run.id]),
    })),
    ...(datasets.value ?? []).map((dataset): Command => ({
      id: dataset.id,
      group: 'Dataset',
      label: dataset.name,
      run: () => navigate(['datasets', dataset.id]),
    })),
    ...(models.value ?? []).map((model): Command => ({
      id: model.id,
      group: 'Model',
      label: model.name,
      run: () => navigate(['models', model.id]),
    })),
    ...(adapters.value ?? []).map((adapter): Command => ({
      id: adapter.id,
      group: 'Library',
      label: adapter.name,
      detail: adapter.kind,
      run: () => navigate(['library', adapter.id]),
    })),
  ]
}

/** The commands that a query finds, best first; without one the first of them as they stand. */
export function findCommands(commands: readonly Command[], query: string, most = 60): Command[] {
  if (query.trim() === '') return commands.slice(0, most)
  return commands
    .flatMap((command) => {
      const score = fuzzyScore(query, `${command.label} ${command.group} ${command.detail ?? ''}`)
      return score === undefined ? [] : [{ command, score }]
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, most)
    .map((entry) => entry.command)
}
