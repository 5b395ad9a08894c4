import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

import { checkImports, importsOf, violation } from '../imports.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the sources', () => {
  it('import only what design and layout allow', () => {
    const { files, violations } = checkImports(root)
    expect(violations).toEqual([])
    expect(files).toBeGreaterThan(50)
  })
})

describe('the checker finds', () => {
  it.each([
    ["import { a } from 'x'", 'x', false],
    ["import 'x'", 'x', false],
    ["import a, { type B } from 'x'", 'x', false],
    ["import { type A, b } from 'x'", 'x', false],
    ["import type { A } from 'x'", 'x', true],
    ["import { type A, type B } from 'x'", 'x', true],
    ["export * from 'x'", 'x', false],
    ["export { a } from 'x'", 'x', false],
    ["export type { A } from 'x'", 'x', true],
    ["const a = await import('x')", 'x', false],
    ['const a = await import(`x`)', 'x', false],
    ["const a = require('x')", 'x', false],
    ["let a: import('x').A", 'x', true],
    ["function load() { return import('./' + name) }", undefined, false],
  ])('%s', (source, specifier, isTypeOnly) => {
    expect(importsOf('main/a.ts', source)).toEqual([{ specifier, isTypeOnly, line: 1 }])
  })

  it('imports over several lines, with their line', () => {
    expect(importsOf('main/a.ts', "\n\nimport {\n  a,\n  b,\n} from 'x'\n")).toMatchObject([
      { specifier: 'x', line: 3 },
    ])
  })

  it('imports in every script of a Svelte file, with their line in it', () => {
    const source = [
      '<script module lang="ts">',
      "  import { a } from 'x'",
      '</script>',
      '',
      '<script lang="ts">',
      "  import type { B } from 'y'",
      '</script>',
      "<p>import nothing from 'z'</p>",
    ].join('\n')
    expect(importsOf('renderer/A.svelte', source)).toEqual([
      { specifier: 'x', isTypeOnly: false, line: 2 },
      { specifier: 'y', isTypeOnly: true, line: 6 },
    ])
  })

  it('no import in comments and strings', () => {
    expect(importsOf('main/a.ts', "// import 'x'\nconst a = \"import('y')\"")).toEqual([])
  })
})

function judge(file: string, source: string): (string | undefined)[] {
  return importsOf(file, source).map((found) => violation(file, found))
}

describe('the rules forbid', () => {
  it.each([
    ['renderer/views/A.svelte', "<script>import { open } from '../../main/store/database.ts'</script>"],
    ['renderer/lib/a.ts', "import type { Run } from '../../main/services/runs.ts'"],
    ['renderer/lib/a.ts', "import '../../preload/index.ts'"],
    ['renderer/lib/a.ts', "import { ipcRenderer } from 'electron'"],
    ['renderer/lib/a.ts', "import { join } from 'node:path'"],
    ['preload/index.ts', "import { z } from 'zod'"],
    ['preload/index.ts', "import { homePath } from '../main/home.ts'"],
    ['preload/contract.ts', "import type { TrainJob } from '../main/training/messages.ts'"],
    ['preload/contract/runs.ts', "import { readFileSync } from 'node:fs'"],
    ['main/graph/ops.ts', "import { WorkbenchError } from '../../preload/contract.ts'"],
    ['main/graph/ops.ts', "import type { Bert } from '../models/bert.ts'"],
    ['main/engines/onnxruntime.ts', "import { bert } from '../models/bert.ts'"],
    ['main/models/bert.ts', "import { adapter } from '../adapters/registry.ts'"],
    ['main/adapters/head.ts', "import { loop } from '../training/loop.ts'"],
    ['main/training/loop.ts', "import { openDatabase } from '../store/database.ts'"],
    ['main/store/runs.ts', "import type { TrainJob } from '../training/messages.ts'"],
    ['main/data/import.ts', "import { events } from '../services/events.ts'"],
    ['main/cli/train.ts', "const { createWorkbench } = await import('../services/index.ts')"],
    ['main/server/host.ts', "import { createWorkbench } from '../services/index.ts'"],
    ['main/home.ts', "import { createWorkbench } from './services/index.ts'"],
    ['main/services/system.ts', "import { app } from 'electron'"],
    ['main/services/system.ts', "import { menuTemplate } from '../electron/menu.ts'"],
    ['main/index.ts', "import { createWorkbench } from './services/index.ts'"],
    ['main/electron/window.ts', "import { homePath } from '../home.ts'"],
    ['main/electron/window.ts', "import Database from 'better-sqlite3'"],
    ['main/electron/window.ts', 'const name = await import(process.env.MODULE)'],
    ['main/server.ts', "import App from '../renderer/App.svelte'"],
    ['main/newcomer/a.ts', "import { homePath } from '../home.ts'"],
  ])('%s: %s', (file, source) => {
    expect(judge(file, source)).toEqual([expect.any(String)])
  })
})

describe('the rules allow', () => {
  it.each([
    ['renderer/views/A.svelte', "<script>import { endpoints } from '../../preload/contract.ts'</script>"],
    ['renderer/views/A.svelte', "<script>import Table from '../components/Table.svelte'</script>"],
    ['renderer/charts/a.ts', "import * as echarts from 'echarts'"],
    ['preload/index.ts', "import { contextBridge } from 'electron'"],
    ['preload/index.ts', "import { channels } from './contract/channels.ts'"],
    ['preload/contract/runs.ts', "import { z } from 'zod'"],
    ['main/graph/gradients.ts', "import { node } from './graph.ts'"],
    ['main/training/loop.ts', "import { bert } from '../models/bert.ts'"],
    ['main/services/runs.ts', "import { openDatabase } from '../store/database.ts'"],
    ['main/workbench.ts', "import { createWorkbench } from './services/index.ts'"],
    ['main/cli.ts', "const { createWorkbench } = await import('./services/index.ts')"],
    ['main/electron/trainers.ts', "import type { FromTrainer } from '../training/messages.ts'"],
    ['main/electron/window.ts', "import { BrowserWindow } from 'electron'"],
  ])('%s: %s', (file, source) => {
    expect(judge(file, source)).toEqual([undefined])
  })
})
