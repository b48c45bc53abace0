import { describe, expect, it } from 'vitest'
import { match } from './router'

describe('matching a path', () => {
  it('reads parameters and forgives a slash at the end', () => {
    expect(match('/read/:id', '/read/r-7')).toEqual({ id: 'r-7' })
    expect(match('/read/:id', '/read/r-7/')).toEqual({ id: 'r-7' })
    expect(match('/read/:id', '/read')).toBeNull()
    expect(match('/worklist', '/read')).toBeNull()
    expect(match('/', '/')).toEqual({})
  })
  it('survives what cannot be decoded', () => {
    expect(match('/read/:id', '/read/%E0%A4%A')).toEqual({ id: '%E0%A4%A' })
    expect(match('/read/:id', '/read/%E5%BF%83')).toEqual({ id: '心' })
  })
})
