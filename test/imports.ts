import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, posix } from 'node:path'

import ts from 'typescript'

export interface Import {
  /** As written: `./store.ts`, `zod`, `node:fs`; undefined where it is computed. */
  specifier: string | undefined
  line: number
  /** Nothing of it is left when the program runs. */
  isTypeOnly: boolean
}

/** Every import, re-export, `import()`, `require()` and `import('…')` type of a TypeScript, JavaScript or Svelte source. */
export function importsOf(file: string, source: string): Import[] {
  return scriptsOf(file, source).flatMap(({ text, firstLine }) => {
    const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
    const found: Import[] = []
    const add = (node: ts.Node, specifier: ts.Node | undefined, isTypeOnly: boolean) =>
      found.push({
        specifier: specifier && ts.isStringLiteralLike(specifier) ? specifier.text : undefined,
        line: firstLine + tree.getLineAndCharacterOfPosition(node.getStart()).line,
        isTypeOnly,
      })
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isTypeImport(node.importClause))
      else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
        add(node, node.moduleSpecifier, node.isTypeOnly)
      } else if (ts.isImportTypeNode(node)) {
        add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true)
      } else if (ts.isCallExpression(node) && isImportCall(node.expression))
        add(node, node.arguments[0], false)
      ts.forEachChild(node, visit)
    }
    visit(tree)
    return found
  })
}

function isImportCall(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = clause
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly)
}

function scriptsOf(file: string, source: string): { text: string; firstLine: number }[] {
  if (!file.endsWith('.svelte')) return [{ text: source, firstLine: 1 }]
  return [...source.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/gi)].map((match) => {
    const text = match[1] ?? ''
    const start = match.index + match[0].indexOf(text)
    return { text, firstLine: source.slice(0, start).split('\n').length }
  })
}

/** The parts that a folder of main/ may import besides itself; `contract` is preload/contract, `main` the files in main/ itself. */
const allowedParts: Record<string, readonly string[]> = {
  graph: [],
  engines: ['graph', 'contract'],
  models: ['graph', 'contract'],
  adapters: ['graph', 'models', 'contract'],
  formats: ['adapters', 'models', 'contract'],
  statistics: ['data', 'contract'],
  store: ['contract'],
  data: ['contract'],
  training: ['adapters', 'models', 'engines', 'data', 'graph', 'formats', 'contract', 'package.json'],
  verify: ['adapters', 'models', 'engines', 'data', 'graph', 'formats', 'training', 'contract'],
  services: [
    ...[
      'adapters',
      'models',
      'engines',
      'data',
      'graph',
      'formats',
      'training',
      'store',
      'verify',
      'statistics',
    ],
    ...['main', 'contract', 'package.json'],
  ],
  server: ['main', 'contract'],
  cli: ['main', 'server', 'formats', 'contract'],
}

const mayUseServices = new Set(['main/workbench.ts', 'main/server.ts', 'main/cli.ts'])

/** Files of the shell: Electron's own process, which must hold no service and no native module. */
function isShell(file: string): boolean {
  return file === 'main/index.ts' || file.startsWith('main/electron/')
}

/** `graph` for main/graph/ops.ts, `main` for main/home.ts, `contract`, `preload`, `renderer`; a root file by its name. */
function partOf(file: string): string {
  const [top = '', second = '', third] = file.split('/')
  if (top === 'preload') return second === 'contract' || second === 'contract.ts' ? 'contract' : 'preload'
  if (top === 'main') return third === undefined ? 'main' : second
  return top
}

/**
 * Why `file` may not import this; undefined where it may.
 * @param file path from the repository's root, with `/`
 */
export function violation(file: string, { specifier, isTypeOnly }: Import): string | undefined {
  if (specifier === undefined) return 'a computed import cannot be checked'
  const from = partOf(file)
  if (!specifier.startsWith('.')) return packageViolation(file, from, specifier)
  const target = posix.normalize(posix.join(posix.dirname(file), specifier))
  const to = partOf(target)
  if (isShell(file)) {
    const isOwn = isTypeOnly || isShell(target) || to === 'contract'
    return isOwn ? undefined : 'the shell imports of ours only types and the contract'
  }
  if (to === from && to !== 'main') return undefined
  if (from === 'renderer')
    return to === 'contract' ? undefined : 'renderer imports of ours only preload/contract'
  if (from === 'contract') return 'the contract imports nothing else of ours'
  if (from === 'preload') return to === 'contract' ? undefined : 'preload imports of ours only the contract'
  if (isShell(target)) return 'nothing but the shell itself imports the shell'
  if (to === 'services' && !mayUseServices.has(file))
    return 'only workbench.ts, server.ts and cli.ts import services'
  if (from === 'main') {
    return to === 'renderer' || to === 'preload' ? 'main imports of preload only the contract' : undefined
  }
  const allowed = allowedParts[from]
  if (allowed === undefined) return `main/${from} has no import rule yet`
  return allowed.includes(to)
    ? undefined
    : `main/${from} may import ${allowed.join(', ') || 'nothing of ours'}, not ${to}`
}

function packageViolation(file: string, from: string, specifier: string): string | undefined {
  const isElectron = specifier === 'electron' || specifier.startsWith('electron/')
  if (isElectron) {
    return isShell(file) || file === 'preload/index.ts'
      ? undefined
      : 'electron is for the shell and preload/index.ts'
  }
  if (isShell(file)) return isBuiltin(specifier) ? undefined : 'the shell uses no package but electron'
  if (from === 'preload') return 'preload/index.ts imports only electron and the contract'
  if (from === 'contract') return specifier === 'zod' ? undefined : 'the contract imports only zod'
  if (from === 'renderer' && isBuiltin(specifier)) return 'the page has no Node'
  return undefined
}

/** All violations in the sources under `root`'s main, preload and renderer, one line each. */
export function checkImports(root: string): { files: number; violations: string[] } {
  const files = ['main', 'preload', 'renderer'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((path) => posix.join(folder, path.replaceAll('\\', '/')))
      .filter((path) => /\.([cm]?[jt]s|svelte)$/.test(path)),
  )
  const violations = files.flatMap((file) =>
    importsOf(file, readFileSync(join(root, file), 'utf8')).flatMap((found) => {
      const reason = violation(file, found)
      return reason === undefined
        ? []
        : [`${file}:${found.line}: ${found.specifier ?? 'import(…)'}: ${reason}`]
    }),
  )
  return { files: files.length, violations }
}
