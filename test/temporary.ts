import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A runner's global set-up: everything that its tests, and the programs that they start, put among the temporary
 * files lies in one folder, which is removed at the end whatever they left behind. Nor do runs
 * measure the devices by themselves, as they would in every fresh home folder where there is a graphics card.
 */
export default function setUp(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'tests-'))
  const names = process.platform === 'win32' ? ['TMP', 'TEMP'] : ['TMPDIR']
  for (const name of names) process.env[name] = folder
  process.env['WORKBENCH_MEASURE'] = '0'
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
