import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiError, api, uuid } from './client'

const answer = (status: number, body: unknown) =>
  vi.stubGlobal(
    'fetch',
    vi.fn(async (_path: string, _init?: RequestInit) => new Response(JSON.stringify(body), { status })),
  )
afterEach(() => vi.unstubAllGlobals())

describe('the client', () => {
  it('sends an Idempotency-Key with a command and none with a question', async () => {
    answer(200, { ok: true })
    await api.get('/api/me')
    await api.post('/api/claim', {}, { idempotencyKey: 'k-1' })
    const calls = vi.mocked(fetch).mock.calls
    expect(calls[0]?.[1]?.headers).not.toHaveProperty('Idempotency-Key')
    expect(calls[1]?.[1]?.headers).toHaveProperty('Idempotency-Key', 'k-1')
  })

  it('turns a problem into an error with code and facts', async () => {
    answer(422, { code: 'intake.sample_rate', got: 3, status: 422 })
    const error = await api.get('/api/x').catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ code: 'intake.sample_rate', status: 422, facts: { got: 3 } })
  })

  it('says so when nobody answered, and when the answer was no problem document', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('down')))
    expect(await api.get('/api/x').catch((e: unknown) => e)).toMatchObject({ code: 'link.unreachable', status: 0 })
    vi.stubGlobal('fetch', async () => new Response('<html>', { status: 502 }))
    expect(await api.get('/api/x').catch((e: unknown) => e)).toMatchObject({ code: 'http.502', status: 502 })
  })

  it('makes version-4 uuids without a secure origin', () => {
    expect(uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
