import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'workbench-setup-'))
afterAll(() => rmSync(folder, { recursive: true }))

function setupTensorflow(...args: string[]) {
  const script = fileURLToPath(new URL('../../../main/engines/setup/tensorflow.mjs', import.meta.url))
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
}

describe('setup:cuda', () => {
  it.each([
    ['darwin', 'arm64'],
    ['win32', 'x64'],
    ['linux', 'arm64'],
  ])('refuses %s on %s before it fetches anything, and says what serves there', (platform, arch) => {
    const elsewhere = `Object.defineProperties(process, { platform: { value: '${platform}' }, arch: { value: '${arch}' } })`
    const script = fileURLToPath(new URL('../../../main/engines/setup/cuda.mjs', import.meta.url))
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(elsewhere)}`, script],
      { encoding: 'utf8' },
    )
    expect(status).toBe(1)
    expect(stderr).toBe(
      'setup:cuda: onnxruntime’s package has CUDA for Linux x64 only; the device webgpu serves any GPU\n',
    )
  })
})

describe.runIf(process.platform === 'linux')('setup:tensorflow', () => {
  it('refuses a folder that is no TensorFlow wheel, naming what one has', () => {
    const { status, stderr } = setupTensorflow('--libtensorflow', folder)
    expect(status).toBe(1)
    expect(stderr).toContain(
      `${folder} is no unpacked TensorFlow wheel: it lacks tensorflow/libtensorflow_cc.so.2 and libtensorflow_framework.so.2`,
    )
  })

  it('refuses half a wheel as well', () => {
    mkdirSync(join(folder, 'tensorflow'))
    writeFileSync(join(folder, 'tensorflow', 'libtensorflow_cc.so.2'), '')
    expect(setupTensorflow('--libtensorflow', folder).stderr).toMatch(/is no unpacked TensorFlow wheel/)
  })

  it('refuses options that it does not know', () => {
    const { status, stderr } = setupTensorflow('--cuda')
    expect(status).toBe(1)
    expect(stderr).toMatch(/Unknown option '--cuda'/)
  })
})
