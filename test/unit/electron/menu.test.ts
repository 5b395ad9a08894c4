import { describe, expect, it } from 'vitest'

import { homeFromArguments } from '../../../main/electron/arguments.ts'
import { menuTemplate } from '../../../main/electron/menu.ts'

function roles(platform: NodeJS.Platform): unknown[] {
  return menuTemplate(platform).flatMap((item) => [
    item.role,
    ...(Array.isArray(item.submenu) ? item.submenu.map((inner) => inner.role) : []),
  ])
}

describe('the menu', () => {
  it('has the application’s own menu on macOS, which holds Quit', () => {
    expect(roles('darwin')).toContain('appMenu')
    expect(roles('darwin')).not.toContain('quit')
  })

  it.each(['linux', 'win32'] as const)('quits from File on %s', (platform) => {
    expect(roles(platform)).toContain('quit')
    expect(roles(platform)).not.toContain('appMenu')
  })

  it.each(['linux', 'win32', 'darwin'] as const)('edits, zooms and goes full screen on %s', (platform) => {
    expect(roles(platform)).toEqual(
      expect.arrayContaining([
        'editMenu',
        'windowMenu',
        'zoomIn',
        'zoomOut',
        'resetZoom',
        'togglefullscreen',
      ]),
    )
  })
})

describe('--home among the arguments', () => {
  it.each([
    [['electron', '.', '--home', 'here'], 'here'],
    [['electron', '--no-sandbox', '.', '--home=over there'], 'over there'],
    [['electron', '.'], undefined],
    [['electron', '.', '--home'], undefined],
    [['electron', '.', '--homepage', 'x'], undefined],
  ])('%j gives %s', (argv, folder) => {
    expect(homeFromArguments(argv)).toBe(folder)
  })
})
