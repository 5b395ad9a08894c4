/** Entry of the headless host: the contract over loopback HTTP and WebSocket, serving the renderer. */
import { assetsFolder } from './assets.ts'
import { exitWith, runServer } from './cli/main.ts'
import { rendererFolder } from './server/renderer-folder.ts'
import { createWorkbench } from './services/index.ts'
import { forkTrainer } from './services/trainer-process.ts'

const exitCode = await runServer(
  {
    openWorkbench: (home, host) =>
      createWorkbench({ home, host, assets: assetsFolder(), spawnTrainer: forkTrainer() }),
    staticRoot: rendererFolder(import.meta.url),
  },
  process.argv.slice(2),
)
exitWith(exitCode)
