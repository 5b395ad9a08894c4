import { cpus } from 'node:os'

import packageJson from '../../package.json' with { type: 'json' }
import type { RunEnvironment } from '../../preload/contract.ts'
import type { Engine } from '../engines/engine.ts'

/** What a run's numbers and times depend on besides its configuration. */
export function describeEnvironment({ name, version, device, threads }: Engine): RunEnvironment {
  return {
    workbench: packageJson.version,
    node: process.versions.node,
    engine: name,
    engineVersion: version,
    device,
    threads,
    processor: processorName(),
    platform: `${process.platform}-${process.arch}`,
  }
}

/** The processor's name, or its architecture where the system does not tell. */
export function processorName(): string {
  return cpus()[0]?.model.trim() ?? process.arch
}
