import { WorkbenchError, type Handlers } from '../../preload/contract.ts'

const names = ['runs.previewImport', 'runs.import', 'report.create'] as const satisfies (keyof Handlers)[]

/** Endpoints of the contract that this version refuses. */
export function refusedHandlers(): Pick<Handlers, (typeof names)[number]> {
  const refuse = (name: string) => (): never => {
    throw new WorkbenchError('unsupported', `${name} is not part of this version. Update the program.`)
  }
  return Object.fromEntries(names.map((name) => [name, refuse(name)])) as unknown as Pick<
    Handlers,
    (typeof names)[number]
  >
}
