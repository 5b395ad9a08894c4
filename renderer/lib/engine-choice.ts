/** The devices that a form offers, and what was chosen of them. */
import type { DeviceReport, EngineChoice } from '../../preload/contract.ts'

export type DeviceChoice = Pick<EngineChoice, 'engine' | 'device'>

export interface DeviceOption {
  value: string
  label: string
  /** It was tried, and cannot be used. */
  disabled: boolean
}

const separator = ' on '

/** A choice as the value of an option. */
export function deviceValue({ engine, device }: DeviceChoice): string {
  return `${engine}${separator}${device}`
}

/** The choice that an option's value stands for. */
export function deviceChoice(value: string): DeviceChoice {
  const [engine = 'auto', device = 'auto'] = value.split(separator)
  return { engine, device } as DeviceChoice
}

/** “Automatic”, every device that is known, and what is chosen where that is none of them. */
export function deviceOptions(devices: readonly DeviceReport[], chosen: DeviceChoice): DeviceOption[] {
  const automatic = {
    value: deviceValue({ engine: 'auto', device: 'auto' }),
    label: 'Automatic',
    disabled: false,
  }
  const known = devices.map(({ engine, device, available, untried = false, stepMs }) => {
    const value = `${engine}${separator}${device}`
    const state = available
      ? stepMs === undefined
        ? ''
        : `, ${inMilliseconds(stepMs)} a step`
      : untried
        ? ', not tried yet'
        : ', not available'
    const isChosen = value === deviceValue(chosen)
    return { value, label: `${device} · ${engine}${state}`, disabled: !available && !untried && !isChosen }
  })
  const options = [automatic, ...known]
  const value = deviceValue(chosen)
  if (options.some((option) => option.value === value)) return options
  const label =
    chosen.engine === 'auto'
      ? `${chosen.device}, by the faster engine`
      : chosen.device === 'auto'
        ? `${chosen.engine}, on the fastest device`
        : `${chosen.device} · ${chosen.engine}`
  return [...options, { value, label, disabled: false }]
}

/** A time that was measured in milliseconds, in whole seconds where it is long. */
export function inMilliseconds(value: number): string {
  if (value >= 10_000) return `${Math.round(value / 1000)} s`
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}
