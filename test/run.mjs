/**
 * `npm test` (= `node test/run.mjs`), or `node test/run.mjs unit|golden|e2e|shell [arguments of its runner]`, or
 * `node test/run.mjs screenshots`, which takes the pictures in docs/screenshots anew: builds what
 * is stale, runs each part, says in one line each what had to be left out and how to add it, and ends with one line
 * of sums. With WORKBENCH_REQUIRE_SHARED=1 or CI set, a part that had to be left out counts as failed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { tensorflowProblem } from '../main/engines/setup/tensorflow.mjs'
import { ensureBuilt, nodeBinary, root } from '../main/launch.mjs'

const results = join(root, 'test-results')
const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`

const parts = {
  unit: { run: (args) => vitest('unit', args) },
  golden: { run: (args) => vitest('golden', args) },
  e2e: { run: (args) => playwright('e2e', args), missing: missingForBrowser, tests: () => countTests('e2e') },
  shell: {
    run: (args) => playwright('shell', args),
    missing: missingForShell,
    tests: () => countTests('shell'),
  },
}

/** Runs a program of an npm package on the pinned Node, its output passed on; resolves to its exit status. */
function runTool(script, args, env = {}) {
  const child = spawn(nodeBinary(), [script, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path, ...env },
  })
  return new Promise((resolve) => {
    child.once('error', () => resolve(1))
    child.once('close', (code) => resolve(code ?? 1))
  })
}

const vitestProgram = join(root, 'node_modules/vitest/vitest.mjs')
const playwrightProgram = join(root, 'node_modules/@playwright/test/cli.js')

async function vitest(name, args) {
  const file = freshResultFile(name)
  const options = [
    '--config',
    'test/vitest.config.ts',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]
  const status = await runTool(vitestProgram, [
    'run',
    ...options,
    ...(args.length > 0 ? args : [`test/${name}`]),
  ])
  const report = readReport(file)
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 }
  // A file that cannot even be loaded has no tests to fail.
  const unloadable = report.testResults.filter(
    (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
  )
  return atLeastOneFailed(status, {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloadable.length,
    skipped: report.numPendingTests + report.numTodoTests,
  })
}

async function playwright(name, args) {
  const file = freshResultFile(name)
  const options = ['--config', `test/${name}/playwright.config.ts`, '--reporter=list,json']
  const status = await runTool(playwrightProgram, ['test', ...options, ...args], {
    PLAYWRIGHT_JSON_OUTPUT_FILE: file,
  })
  const stats = readReport(file)?.stats
  if (stats === undefined) return { passed: 0, failed: 1, skipped: 0 }
  return atLeastOneFailed(status, {
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected,
    skipped: stats.skipped,
  })
}

/** A runner that fails without a failed test (an error outside of all tests) must not pass for good. */
function atLeastOneFailed(status, counts) {
  return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

function freshResultFile(name) {
  mkdirSync(results, { recursive: true })
  // Not in the folder of the runner itself, which it empties.
  const file = join(results, `${name}.json`)
  rmSync(file, { force: true })
  return file
}

function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

function countTests(name) {
  const list = spawnSync(
    nodeBinary(),
    [playwrightProgram, 'test', '--list', '--config', `test/${name}/playwright.config.ts`],
    { cwd: root, encoding: 'utf8', env: { ...process.env, PATH: path } },
  )
  return Number(/Total: (\d+) test/.exec(list.stdout)?.[1] ?? 1)
}

/** Why no window can be opened here, and what to do; undefined where it can. */
async function missingForShell() {
  const { findElectron } = await import('./shell/find-electron.ts')
  if (findElectron() === undefined) return 'no Electron binary is installed; add one with: npm run setup:test'
  const hasDisplay = process.platform !== 'linux' || Boolean(process.env.DISPLAY)
  // `-help` is answered without a display, and with a failure where the program is missing.
  if (!hasDisplay && spawnSync('Xvfb', ['-help']).error) {
    return 'there is no display, and no Xvfb to make one; add it with: npm run setup:test'
  }
  return undefined
}

/** Why no browser can be started here, and what to do; undefined where it can. */
async function missingForBrowser() {
  if (process.env.WORKBENCH_E2E_HOST === 'electron') return missingForShell()
  const advice = 'install Chrome or Chromium, or name one with WORKBENCH_BROWSER, or run: npm run setup:test'
  try {
    const { browserOptions } = await import('./e2e/browser.ts')
    const { executablePath } = await browserOptions()
    // Windows' Chrome opens a window when asked for its version; that it is there must do.
    if (process.platform === 'win32') return undefined
    const { status, stderr, error } = spawnSync(executablePath, ['--version', '--no-sandbox'], {
      encoding: 'utf8',
    })
    if (status === 0) return undefined
    return `the browser ${executablePath} does not start (${error?.message ?? stderr.trim().split('\n')[0]}); ${advice}`
  } catch (error) {
    return `there is no browser (${error.message}); ${advice}`
  }
}

async function main([name, ...args]) {
  if (name === 'screenshots') {
    process.env.UPDATE_SCREENSHOTS = '1'
    return main(['e2e', 'screenshots.spec.ts', ...args])
  }
  if (name !== undefined && parts[name] === undefined) {
    console.error(`usage: node test/run.mjs [${Object.keys(parts).join('|')} [arguments]]`)
    return 2
  }
  const { isComplete } = await import('./complete.ts')
  const sums = { passed: 0, failed: 0, skipped: 0 }
  const leftOut = []
  const add = (counts) => {
    for (const key of Object.keys(sums)) sums[key] += counts[key]
  }
  if ((await ensureBuilt()) !== 0) {
    console.error('The program could not be built, so nothing was tested.')
    add({ passed: 0, failed: 1, skipped: 0 })
  } else {
    if (!existsSync(join(root, '../shared')) && !isComplete) {
      leftOut.push('tests on real data and checkpoints: ../shared is not beside the repository')
    }
    if (!isComplete && tensorflowProblem() !== undefined) {
      leftOut.push('tests on libtensorflow: it is not installed; add it with: npm run setup:test')
    }
    for (const [part, { run, missing, tests }] of Object.entries(parts)) {
      if (name !== undefined && name !== part) continue
      const reason = await missing?.()
      if (reason === undefined) add(await run(args))
      else {
        leftOut.push(`test/${part}: ${reason}`)
        add(isComplete ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: tests() })
      }
    }
  }
  for (const line of leftOut) console.log(`left out ${line}`)
  const skipped = sums.skipped > 0 ? `, ${sums.skipped} skipped` : ''
  console.log(`${sums.passed} passed, ${sums.failed} failed${skipped}`)
  return sums.failed > 0 ? 1 : 0
}

// Parts of this are TypeScript, which a Node older than the pinned one does not run.
const isOldNode = !process.features.typescript && nodeBinary() !== process.execPath
const args = process.argv.slice(2)
process.exitCode = isOldNode ? await runTool(fileURLToPath(import.meta.url), args) : await main(args)
