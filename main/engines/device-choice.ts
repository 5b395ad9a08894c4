import type { DeviceReport, EngineChoice } from '../../preload/contract.ts'

export type DeviceName = Pick<DeviceReport, 'engine' | 'device'>

export interface ChosenDevice extends DeviceName {
  /** A sentence for the user. */
  reason: string
}

/**
 * The engine and device of a run: what was asked for where both are named, else the fastest measured one that fits, else
 * what every machine has.
 *
 * @param devices as they were measured on this machine; none where they never were
 */
export function chooseDevice(
  { engine, device }: Pick<EngineChoice, 'engine' | 'device'>,
  devices: readonly DeviceReport[],
): ChosenDevice {
  if (engine !== 'auto' && device !== 'auto') {
    return { engine, device, reason: 'It was asked for.' }
  }
  const measured = devices
    .filter((report) => engine === 'auto' || report.engine === engine)
    .filter((report) => device === 'auto' || report.device === device)
    .flatMap((report) =>
      report.available && report.stepMs !== undefined ? [{ ...report, stepMs: report.stepMs }] : [],
    )
    .sort((a, b) => a.stepMs - b.stepMs)
  const [fastest, ...others] = measured
  if (fastest) {
    const times = [fastest, ...others].map(
      (report) => `${report.engine} on ${report.device} ${inMilliseconds(report.stepMs)}`,
    )
    const which = others.length > 0 ? 'The fastest in a measured step' : 'The only measured device that fits'
    return { engine: fastest.engine, device: fastest.device, reason: `${which}: ${times.join(', ')}.` }
  }
  const fallback = fallbackFor(engine, device)
  return { ...fallback, reason: 'No device that fits was measured on this machine yet; “devices” does so.' }
}

/** What an engine has everywhere; a device that two engines have is onnxruntime's. */
function fallbackFor(engine: EngineChoice['engine'], device: EngineChoice['device']): DeviceName {
  if (device === 'auto') {
    return engine === 'tensorflow' ? { engine, device: 'wasm' } : { engine: 'onnxruntime', device: 'cpu' }
  }
  const onlyTensorflow = device === 'tensorflow' || device === 'wasm'
  return { engine: engine === 'auto' ? (onlyTensorflow ? 'tensorflow' : 'onnxruntime') : engine, device }
}

function inMilliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}
