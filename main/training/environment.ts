import packageJson from '../../package.json' with { type: 'json' }
import type { RunEnvironment } from '../../preload/contract.ts'
import type { Engine } from '../engines/engine.ts'
import { processor } from '../engines/hardware.ts'

/**
 * What a run's numbers and times depend on besides its configuration.
 *
 * @param precision of the frozen backbone, in words; undefined for float32
 */
export function describeEnvironment(
  { name, version, device, threads, reason, hardware }: Engine,
  precision?: string,
): RunEnvironment {
  return {
    workbench: packageJson.version,
    node: process.versions.node,
    engine: name,
    engineVersion: version,
    device,
    ...(hardware === undefined ? {} : { hardware }),
    ...(reason === undefined ? {} : { deviceReason: reason }),
    ...(precision === undefined ? {} : { precision }),
    threads,
    processor: processorName(),
    platform: `${process.platform}-${process.arch}`,
  }
}

/** The processor's name, or its architecture where the system does not tell. */
export function processorName(): string {
  return processor().name
}
