import { totalmem } from 'node:os'

import {
  WorkbenchError,
  type DeviceReport,
  type EngineChoice,
  type BackbonePrecision,
} from '../../preload/contract.ts'
import { calibrate } from './calibration.ts'
import { chooseDevice, fitting, isDecided, type ChosenDevice, type DeviceName } from './device-choice.ts'
import { readDevices } from './device-file.ts'
import { messageOf, type Engine } from './engine.ts'
import { cudaCard, mayHaveGraphicsCard, processor, type Hardware } from './hardware.ts'
import {
  createOnnxRuntimeEngine,
  onnxRuntimeDevices,
  onnxRuntimeDevicesHere,
  onnxRuntimeVersion,
  type OnnxRuntimeDevice,
} from './onnxruntime.ts'
import { createTensorFlowEngine } from './tensorflow.ts'
import { graphicsAdapterName, isTensorflowOnGpu, tfjsDevices, tfjsVersion } from './tfjs-backends.ts'

/** Every engine × device that this program can use on this kind of system, whether it is there or not. */
export function knownDevices(): DeviceName[] {
  const here = new Set<string>(['cpu', 'webgpu', ...(systemDevices[process.platform] ?? [])])
  return [
    ...onnxRuntimeDevices
      .filter((device) => here.has(device))
      .map((device) => ({ engine: 'onnxruntime', device }) as const),
    ...tfjsDevices.map((device) => ({ engine: 'tensorflow', device }) as const),
  ]
}

const systemDevices: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: ['cuda'],
  win32: ['dml'],
  darwin: ['coreml'],
}

/** A device before it was touched. */
export function untriedDevice(name: DeviceName): DeviceReport {
  return {
    ...untouched(name),
    ...(isProcessor(name)
      ? { available: true }
      : { available: false, untried: true, problem: 'It was not tried yet: measure the devices.' }),
  }
}

/** A device that was tried and cannot be used. */
export function failedDevice(name: DeviceName, problem: string): DeviceReport {
  return { ...untouched(name), available: false, problem }
}

/** What of a device is known without touching it. */
function untouched(name: DeviceName): Omit<DeviceReport, 'available'> {
  return {
    ...name,
    name: isProcessor(name) ? processor().name : '',
    version: name.engine === 'onnxruntime' ? onnxRuntimeVersion() : tfjsVersion(),
    ...(isProcessor(name) ? { memoryBytes: totalmem() } : {}),
  }
}

function isProcessor({ engine, device }: DeviceName): boolean {
  return engine === 'onnxruntime' && device === 'cpu'
}

/**
 * The engine of a run. `auto` takes what was fastest when the devices were measured.
 *
 * @param cacheFolder where the measurements are kept
 * @param precision of the frozen backbone, which not every device computes
 * @throws WorkbenchError `engine` or `bad-input` saying why it cannot be had and what to do
 */
export async function openEngine(
  choice: Pick<EngineChoice, 'engine' | 'device' | 'threads'>,
  cacheFolder: string,
  precision: BackbonePrecision = 'float32',
): Promise<Engine> {
  const devices = isDecided(choice, precision) ? [] : await readDevices(cacheFolder)
  const { reason, ...name } = await choose(choice, devices, precision)
  const opened = await openDevice(name, choice.threads)
  const hardware = await hardwareOf(name, cacheFolder)
  return { ...opened, reason, ...(hardware === undefined ? {} : { hardware }) }
}

/**
 * The card by name that a run's device, which must be open, computes with; undefined for the processor. Only a device
 * that has loaded Dawn is asked through it: in a run that computes without it, its driver would be one more to fail.
 */
async function hardwareOf(name: DeviceName, cacheFolder: string): Promise<string | undefined> {
  if (!isGraphics(name) || name.engine === 'tensorflow') return (await acceleratorOf(name))?.name
  const measured = (await readDevices(cacheFolder)).find(
    ({ engine, device, available }) => engine === name.engine && device === name.device && available,
  )
  return measured?.name === unnamedAdapter ? undefined : measured?.name
}

/** What a measured graphics card is called whose driver tells no name. */
const unnamedAdapter = 'graphics adapter'

/** `chooseDevice` for this machine: where nothing that fits was measured, the reason says whether it has a card. */
export async function choose(
  choice: Pick<EngineChoice, 'engine' | 'device'>,
  devices: readonly DeviceReport[],
  precision: BackbonePrecision = 'float32',
): Promise<ChosenDevice> {
  const isKnown =
    isDecided(choice, precision) || fitting(choice, devices).some(({ stepMs }) => stepMs !== undefined)
  return chooseDevice(choice, devices, precision, isKnown || (await mayHaveGraphicsCard()))
}

/**
 * An engine on a device by their names.
 *
 * @param threads 0: as many as there are cores
 * @throws WorkbenchError `bad-input` for a name that there is not, `engine` saying why it cannot be used
 */
export async function openDevice(
  { engine, device }: { engine: string; device: string },
  threads: number,
): Promise<Engine> {
  const onTfjs = tfjsDevices.find((known) => engine === 'tensorflow' && known === device)
  if (onTfjs) return createTensorFlowEngine({ device: onTfjs, threads })
  const onOnnxRuntime = onnxRuntimeDevices.find((known) => engine === 'onnxruntime' && known === device)
  if (onOnnxRuntime) return openOnnxRuntime(onOnnxRuntime, threads)
  const names = { onnxruntime: onnxRuntimeDevices, tensorflow: tfjsDevices }
  const known = Object.entries(names).map(([name, devices]) => `${name} on ${devices.join(', ')}`)
  throw new WorkbenchError('bad-input', `there is no ${engine} on ${device}; there are ${known.join('; ')}`)
}

function openOnnxRuntime(device: OnnxRuntimeDevice, threads: number): Engine {
  if (!onnxRuntimeDevicesHere().includes(device)) {
    const there = onnxRuntimeDevicesHere().join(', ')
    throw new WorkbenchError(
      'engine',
      `this build of onnxruntime has no device ${device} (it has ${there}). ${onnxRuntimeAdvice[device]}`,
    )
  }
  return createOnnxRuntimeEngine({ device, threads })
}

/** What brings each device of onnxruntime, for one who lacks it. */
const onnxRuntimeAdvice: Readonly<Record<OnnxRuntimeDevice, string>> = {
  cpu: 'Install the packages again: npm ci',
  webgpu: 'It needs a graphics card and its driver with Vulkan, Metal or Direct3D 12',
  cuda: 'It needs an NVIDIA card with CUDA 12 and cuDNN 9, and its libraries: npm run setup:cuda',
  dml: 'It needs Windows with a graphics driver for Direct3D 12',
  coreml: 'It needs macOS',
}

/**
 * Tries a device and measures a step on it. A driver that fails may end the process: call it in one of its own.
 * Never rejects: what is wrong stands in the report.
 */
export async function measureDevice(name: DeviceName): Promise<DeviceReport> {
  try {
    const engine = await openDevice(name, 0)
    const stepMs = await calibrate(engine)
    const accelerator = await acceleratorOf(name)
    const { name: hardware, memoryBytes } =
      accelerator ?? (isGraphics(name) ? { name: unnamedAdapter, memoryBytes: undefined } : processor())
    const note = accelerator === undefined ? noteFor(name, await cudaCard()) : undefined
    return {
      ...name,
      name: hardware,
      version: engine.version,
      available: true,
      stepMs,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(note === undefined ? {} : { note }),
    }
  } catch (error) {
    const [line = ''] = messageOf(error).trim().split('\n')
    const reason = line.replace(`${name.engine} on ${name.device} `, '')
    const isOnnxRuntime = name.engine === 'onnxruntime' && reason.includes('could not prepare')
    const advice = isOnnxRuntime ? `. ${onnxRuntimeAdvice[name.device as OnnxRuntimeDevice]}` : ''
    return failedDevice(name, `${reason}${advice}`)
  }
}

/**
 * What to know of a device that computes on the processor though there is a card that it could use.
 *
 * @param card the machine's first CUDA card
 */
export function noteFor({ engine, device }: DeviceName, card: Hardware | undefined): string | undefined {
  if (engine !== 'tensorflow' || device !== 'tensorflow' || card === undefined) return undefined
  return (
    `It computes on the processor, not on the ${card.name}: this TensorFlow has no CUDA, or does not find its libraries. ` +
    'Unpack the wheel tensorflow 2.15.1, run npm run setup:tensorflow -- --libtensorflow <its folder>, put CUDA 12.2 ' +
    'and cuDNN 8.9 on LD_LIBRARY_PATH and measure again; docs/engines.md has the commands'
  )
}

function isGraphics({ device }: DeviceName): boolean {
  return device === 'webgpu' || device === 'dml' || device === 'coreml'
}

/** What an open device computes with where that is not the processor; undefined also where its driver tells no name. */
async function acceleratorOf(name: DeviceName): Promise<Hardware | undefined> {
  if (isGraphics(name)) {
    const adapter = await graphicsAdapterName()
    if (adapter === undefined) return undefined
    const card = await cudaCard()
    // The same card by both names, or at least the only one whose memory is told.
    return { name: adapter, memoryBytes: card && adapter.includes(card.name) ? card.memoryBytes : undefined }
  }
  const { engine, device } = name
  const usesCuda =
    device === 'cuda' || (engine === 'tensorflow' && device === 'tensorflow' && isTensorflowOnGpu())
  return usesCuda ? cudaCard() : undefined
}
