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
  engine: 'onnxruntime'
  device: string
  name: string
  available: boolean
  /** Why it cannot be used, and what to install for it. */
  problem?: string
  version: string
}
