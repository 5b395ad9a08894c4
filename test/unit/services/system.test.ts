import { expect, it } from 'vitest'

import packageJson from '../../../package.json' with { type: 'json' }
import { createSystemService } from '../../../main/services/system.ts'

const system = createSystemService({ home: '/somewhere', host: 'server' })

it('says what the program is and runs on', () => {
  expect(system['system.info']({})).toMatchObject({
    version: packageJson.version,
    home: '/somewhere',
    host: 'server',
    node: process.versions.node,
  })
})

it('finds the processor as a device of onnxruntime', async () => {
  const devices = await system['system.devices']({})
  expect(devices).toEqual([
    {
      engine: 'onnxruntime',
      device: 'cpu',
      name: expect.stringMatching(/\w/) as string,
      available: true,
      version: packageJson.dependencies['onnxruntime-node'],
    },
  ])
})
