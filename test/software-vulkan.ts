import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

import chromium from '@sparticuz/chromium'

/**
 * Makes Vulkan compute on the processor where nothing else was asked for: by SwiftShader, which comes with a Chromium.
 * To be called before anything that computes on WebGPU is loaded.
 */
export async function useSoftwareVulkan(): Promise<void> {
  if (process.env['VK_DRIVER_FILES'] !== undefined || process.platform !== 'linux') return
  const folders = ['/usr/lib/chromium', dirname(await chromium.executablePath())]
  const driver = folders
    .map((folder) => join(folder, 'vk_swiftshader_icd.json'))
    .find((file) => existsSync(file))
  if (driver !== undefined) process.env['VK_DRIVER_FILES'] = driver
}
