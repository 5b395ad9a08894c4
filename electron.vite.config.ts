import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'electron-vite'

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      target: 'node22',
      rollupOptions: {
        input: {
          index: 'main/index.ts',
          workbench: 'main/workbench.ts',
          server: 'main/server.ts',
          cli: 'main/cli.ts',
          trainer: 'main/trainer.ts',
        },
        output: { format: 'es' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      rollupOptions: {
        input: { index: 'preload/index.ts' },
        // A sandboxed preload script must be CommonJS.
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'renderer',
    plugins: [svelte()],
    build: {
      outDir: 'out/renderer',
      target: 'chrome120',
      rollupOptions: { input: { index: 'renderer/index.html' } },
    },
  },
})
