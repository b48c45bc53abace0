import { describe, expect, it } from 'vitest'
import { ApiError } from '../api/client'
import type { Route } from '../app/routes'
import { homePath } from './home'
import { readHub } from './hub'
import { refusalOf } from './refusal'

const route = (path: string): Route => ({ path, frame: 'bar', load: () => Promise.reject(new Error('not loaded')) })

describe('signing in', () => {
  it('starts everybody at his own screen, and at the first tab where there is none', () => {
    expect(homePath('worklist', [route('/worklist')])).toBe('/worklist')
    expect(homePath('on_call', [route('/alerts')])).toBe('/alerts')
    expect(homePath('admin', [])).toBe('/')
  })

  it('lists accounts only when the hub says that it is the demonstration', () => {
    const logins = [{ login: 'reader', password: 'x', name: '沈亦舟', what_zh: '阅图', what_en: 'Reader' }]
    expect(readHub({ name: 'hub', version: '1', demo: true, logins })?.logins).toHaveLength(1)
    expect(readHub({ name: 'hub', version: '1', demo: false, logins })?.logins).toEqual([])
    expect(readHub('<html>')).toBeNull()
  })

  it('says a wrong password in one sentence and leaves a dead link to the error line', () => {
    expect(refusalOf(new ApiError('http.401', 401))).toContain('不对')
    expect(refusalOf(new ApiError('link.unreachable', 0))).toBeNull()
  })
})
