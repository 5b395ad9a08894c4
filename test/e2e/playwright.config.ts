import { defineConfig } from '@playwright/test'

import { isDesktop } from '../shell/desktop-host.ts'

/** Nothing global is started here: each worker's fixture starts a server of its own (fixtures.ts). */
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  // Pictures for the documentation are taken when asked for, not tested.
  testIgnore: [
    ...(process.env['UPDATE_SCREENSHOTS'] === '1' ? [] : ['screenshots.spec.ts']),
    // The desktop window has no server to lose and no token.
    ...(isDesktop ? ['connection.spec.ts'] : []),
  ],
  // Nor may it read the clipboard, by which a test looks at what was copied, or open a second window without a network.
  ...(isDesktop ? { grepInvert: /copied from the keyboard|opens without a network/ } : {}),
  globalSetup: ['../temporary.ts', ...(isDesktop ? ['../shell/global-setup.ts'] : [])],
  outputDir: '../../test-results/e2e',
  reporter: [['list']],
  // Each worker's runs train for real and want the processor to themselves.
  workers: 1,
  timeout: 300_000,
  expect: { timeout: 15_000 },
  forbidOnly: process.env['CI'] !== undefined,
  use: { actionTimeout: 15_000, viewport: { width: 1440, height: 900 }, trace: 'retain-on-failure' },
})
