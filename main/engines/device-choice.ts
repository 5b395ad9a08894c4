import {
  WorkbenchError,
  type DeviceReport,
  type EngineChoice,
  type BackbonePrecision,
} from '../../preload/contract.ts'

export type DeviceName = Pick<DeviceReport, 'engine' | 'device'>

export interface ChosenDevice extends DeviceName {
  /** A sentence for the user. */
  reason: string
}

type Choice = Pick<EngineChoice, 'engine' | 'device'>

/** The one that computes products of 8 bits. */
const ofInt8 = { engine: 'onnxruntime', device: 'cpu' } as const

/** Whether a choice names a device by itself, so that no measurement says more. */
export function isDecided(choice: Choice, precision: BackbonePrecision): boolean {
  return (choice.engine !== 'auto' && choice.device !== 'auto') || precision === 'int8'
}

/** Those of these devices that a choice leaves to `auto`. */
export function fitting<Device extends DeviceName>(
  { engine, device }: Choice,
  devices: readonly Device[],
): Device[] {
  return devices
    .filter((known) => engine === 'auto' || known.engine === engine)
    .filter((known) => device === 'auto' || known.device === device)
}

/**
 * The engine and device of a run: what was asked for where both are named, else the fastest measured one that fits, else
 * what every machine has.
 *
 * @param devices as they were measured on this machine; none where they never were
 * @param precision of the frozen backbone, which not every device computes
 * @param mayHaveCard whether the machine may have a graphics card; only the reason says so
 */
export function chooseDevice(
  choice: Choice,
  devices: readonly DeviceReport[],
  precision: BackbonePrecision = 'float32',
  mayHaveCard = true,
): ChosenDevice {
  const { engine, device } = choice
  if (engine !== 'auto' && device !== 'auto') {
    return { engine, device, reason: 'It was asked for.' }
  }
  if (precision === 'int8' && !lacksInt8(choice)) {
    return { ...ofInt8, reason: 'It is the one that computes products of 8 bits (backbonePrecision int8).' }
  }
  const measured = fitting(choice, devices)
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
  const why = mayHaveCard ? ' yet' : ', which shows no graphics card'
  return { ...fallback, reason: `No device that fits was measured on this machine${why}.` }
}

/**
 * @throws WorkbenchError `bad-input` where the engine or device that is named does not compute in this precision
 */
export function refuseDevice(choice: Choice, precision: BackbonePrecision): void {
  if (precision !== 'int8' || !lacksInt8(choice)) return
  const named = [choice.engine, choice.device].filter((name) => name !== 'auto').join(' on ')
  throw new WorkbenchError(
    'bad-input',
    `training.backbonePrecision: ${named} has no products of 8 bits. ` +
      'Choose onnxruntime on cpu, leave engine and device to “auto”, or keep the backbone in float32 or float16.',
  )
}

function lacksInt8({ engine, device }: Choice): boolean {
  return (engine !== 'auto' && engine !== ofInt8.engine) || (device !== 'auto' && device !== ofInt8.device)
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
