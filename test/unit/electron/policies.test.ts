import { describe, expect, it } from 'vitest'

import {
  contentSecurityPolicy,
  isOwnPage,
  mayNavigate,
  maySend,
  pageFile,
  pageOrigin,
} from '../../../main/electron/policies.ts'

const foreign = [
  'https://example.org/',
  'app://elsewhere/index.html',
  'app://workbench.example/index.html',
  'app://user@workbench/index.html',
  'app://workbench:8080/index.html',
  'apps://workbench/index.html',
  'file:///etc/passwd',
  'data:text/html,hello',
  'about:blank',
  'about:srcdoc',
  'javascript:alert(1)',
  'blob:app://workbench/0000',
  'not a url',
  '',
]

describe('navigation', () => {
  it('goes to the page’s own origin', () => {
    expect(mayNavigate('app://workbench/index.html#/runs', pageOrigin)).toBe(true)
  })

  it.each(foreign)('never goes to %s', (url) => {
    expect(mayNavigate(url, pageOrigin)).toBe(false)
  })

  it('knows the development server’s port', () => {
    expect(isOwnPage('http://localhost:5173/index.html', 'http://localhost:5173')).toBe(true)
    expect(isOwnPage('http://localhost:5174/index.html', 'http://localhost:5173')).toBe(false)
    expect(isOwnPage('https://localhost:5173/', 'http://localhost:5173')).toBe(false)
  })
})

describe('messages', () => {
  it('are heard from the main frame of the page', () => {
    expect(maySend({ url: 'app://workbench/index.html', isMainFrame: true }, pageOrigin)).toBe(true)
  })

  it('are refused from a frame inside it', () => {
    expect(maySend({ url: 'app://workbench/index.html', isMainFrame: false }, pageOrigin)).toBe(false)
  })

  it('are refused from a frame that is gone', () => {
    expect(maySend(undefined, pageOrigin)).toBe(false)
  })

  it.each(foreign)('are refused from %s', (url) => {
    expect(maySend({ url, isMainFrame: true }, pageOrigin)).toBe(false)
  })
})

describe('files of the page’s scheme', () => {
  it('are those of its folder', () => {
    expect(pageFile('app://workbench/')).toBe('index.html')
    expect(pageFile('app://workbench/assets/index-1a2b.js?v=1#top')).toBe('assets/index-1a2b.js')
    expect(pageFile('app://workbench/a%20name.svg')).toBe('a name.svg')
  })

  it('a path with dots stays in the folder', () => {
    expect(pageFile('app://workbench/../../secret')).toBe('secret')
  })

  it.each([
    'app://workbench/..%2f..%2fsecret',
    'app://workbench/assets/..%5csecret',
    'app://workbench/C:%5csecret',
    'app://workbench/a%00.html',
    'app://workbench/%E0%A4%A',
    'app://elsewhere/index.html',
    'file:///etc/passwd',
  ])('%s names none', (url) => {
    expect(pageFile(url)).toBeUndefined()
  })
})

describe('the content security policy', () => {
  const directives = new Map(
    contentSecurityPolicy.split('; ').map((directive) => {
      const [name = '', ...sources] = directive.split(' ')
      return [name, sources] as const
    }),
  )

  it('denies what it does not name', () => {
    expect(directives.get('default-src')).toEqual(["'none'"])
  })

  it('runs no script but the page’s own files', () => {
    expect(directives.get('script-src')).toEqual(["'self'"])
  })

  it('names no host', () => {
    expect([...directives.values()].flat().filter((source) => /^(\*|https?:|wss?:)/.test(source))).toEqual([])
  })
})
