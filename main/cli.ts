/** Entry of the command line: the services behind commands, with tables or --json on stdout. */
import { assetsFolder } from './assets.ts'
import { exitWith, runCli } from './cli/main.ts'
import { rendererFolder } from './server/renderer-folder.ts'
import { forkTrainer } from './services/trainer-process.ts'

// Services and engine are loaded where they are needed: a command that attaches to a running workbench needs neither.
const exitCode = await runCli(
  {
    openWorkbench: async (home, host) => {
      const { createWorkbench } = await import('./services/index.ts')
      return createWorkbench({ home, host, assets: assetsFolder(), spawnTrainer: forkTrainer() })
    },
    verifyCase: async (folder, engine, device) => {
      const { verifyOn } = await import('./verify.ts')
      return verifyOn(folder, engine, device)
    },
    staticRoot: rendererFolder(import.meta.url),
  },
  process.argv.slice(2),
)
exitWith(exitCode)
