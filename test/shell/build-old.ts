import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { build, type InlineConfig, type Plugin } from 'vite'

import { root } from './find-electron.ts'

/** Where the shell built for the old Electron lies, in the same shape as `out/`. */
export const oldShell = join(root, '.cache/old-shell')

/** Node 12 knows its own modules only without the `node:` prefix. */
const withoutNodePrefix: Plugin = {
  name: 'without-node-prefix',
  enforce: 'pre',
  resolveId: (id) => (id.startsWith('node:') ? { id: id.slice('node:'.length), external: true } : undefined),
}

/**
 * Builds shell and preload from the same sources as the product, for Electron 9 (Node 12, Chromium 83), with a small
 * page. The workbench process beside it is the product's own build, which runs on a current Node.
 */
export async function buildOldShell(): Promise<void> {
  await build(bundle('main/index.ts', 'main', 'index.cjs', 'node12'))
  await build(bundle('preload/index.ts', 'preload', 'index.cjs', 'chrome83'))
  cpSync(join(root, 'test/shell/page'), join(oldShell, 'renderer'), { recursive: true })
  mkdirSync(join(oldShell, 'main'), { recursive: true })
  const workbench = pathToFileURL(join(root, 'out/main/workbench.js')).href
  writeFileSync(join(oldShell, 'main/workbench.js'), `await import(${JSON.stringify(workbench)})\n`)
}

function bundle(entry: string, folder: string, file: string, target: string): InlineConfig {
  return {
    root,
    configFile: false,
    logLevel: 'warn',
    plugins: [withoutNodePrefix],
    ssr: { noExternal: true, external: ['electron'] },
    build: {
      ssr: join(root, entry),
      outDir: join(oldShell, folder),
      emptyOutDir: false,
      target,
      rollupOptions: { output: { format: 'cjs', entryFileNames: file } },
    },
  }
}
