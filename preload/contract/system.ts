export interface SystemInfo {
  version: string
  home: string
  host: 'desktop' | 'server' | 'cli'
  node: string
  platform: string
  processor: string
  cores: number
  memoryBytes: number
}

export interface DeviceReport {
  engine: 'onnxruntime' | 'tensorflow'
  device: string
  /** The hardware's; empty where it was not tried yet, or is not there. */
  name: string
  available: boolean
  /** Whether it can be used is not known yet. */
  untried?: true
  /** Why it cannot be used, and what to install for it. */
  problem?: string
  version: string
  /** Memory of its own: the system's for a processor. */
  memoryBytes?: number
  /** What to know of one that can be used: that it computes on the processor, say, and what brings it to the card. */
  note?: string
  /** Milliseconds of a calibration step; only where it was measured. */
  stepMs?: number
  /** Of the one that `auto` takes: why. */
  chosen?: string
}

/** How far measuring the devices has come. */
export interface DeviceProgress {
  done: number
  total: number
  /** The one that is being tried; undefined where it has ended. */
  current?: Pick<DeviceReport, 'engine' | 'device'>
}
