/** Entry of the workbench process under the desktop shell: the contract over its parent port. */
import { assetsFolder } from './assets.ts'
import { resolveHome } from './home.ts'
import { findParentPort, serveParent } from './parent-port.ts'
import { createWorkbench } from './services/index.ts'
import { forkTrainer } from './services/trainer-process.ts'
import { relayTrainers } from './services/trainer-relay.ts'

const port = findParentPort()
if (port === undefined) {
  console.error('This is the workbench process of the desktop program. To start one by hand: npm run serve')
  process.exit(2)
}
const relay = port.isElectron ? relayTrainers(port.post) : undefined
const exitCode = await serveParent({
  port,
  home: resolveHome,
  open: (home) =>
    createWorkbench({
      home,
      host: 'desktop',
      assets: assetsFolder(),
      spawnTrainer: relay?.spawn ?? forkTrainer(),
    }),
  ...(relay === undefined ? {} : { onTrainer: relay.receive }),
})
process.exit(exitCode)
