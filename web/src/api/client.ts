// The one way to the server: JSON in, JSON out, problem+json becomes ApiError with a code, facts and a sentence.
// Commands carry an Idempotency-Key: repeating one with the same key has the same effect once.

import { t } from '../i18n/app'
import { fill, language } from '../i18n/catalogue'
import { ERRORS } from '../i18n/errors.gen'

export type Facts = Readonly<Record<string, unknown>>

/** status 0: the server was not reached, so nothing is known of the effect; retry with the same key. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly facts: Facts = {},
  ) {
    super(`${code} (${status})`)
  }

  /** The sentence for people, in the language of the page; the code is what they read out on the phone. */
  get sentence(): string {
    const entry = ERRORS[this.code]
    if (entry !== undefined) return fill(entry[language.value], this.facts)
    return this.status === 0 ? t('error.unreachable') : t('error.unknown')
  }
}

type Options = Readonly<{ signal?: AbortSignal; idempotencyKey?: string; timeout_ms?: number }>
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

const TIMEOUT_MS = 20_000

/** Also where randomUUID is missing: browsers keep it for secure origins, a township hub may be plain http. */
export function uuid(): string {
  const b = crypto.getRandomValues(new Uint8Array(16))
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(b, x => x.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

const PACKED_FROM_CHARS = 1_500

/** A description of a room's connections is 10 kB, which is half a second of a narrow line: a tenth of it when packed. */
async function packed(json: string): Promise<{ body: BodyInit; encoding: string | null }> {
  if (json.length < PACKED_FROM_CHARS || typeof CompressionStream === 'undefined') return { body: json, encoding: null }
  const stream = new Blob([json]).stream().pipeThrough(new CompressionStream('gzip'))
  return { body: await new Response(stream).arrayBuffer(), encoding: 'gzip' }
}

async function send(method: Method, path: string, body: unknown, options: Options): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (method !== 'GET') headers['Idempotency-Key'] = options.idempotencyKey ?? uuid()
  const isBlob = body instanceof Blob || body instanceof ArrayBuffer
  let sent: BodyInit | undefined
  if (isBlob) sent = body
  else if (body !== undefined) {
    const { body: json, encoding } = await packed(JSON.stringify(body))
    sent = json
    headers['Content-Type'] = 'application/json'
    if (encoding !== null) headers['Content-Encoding'] = encoding
  }
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), options.timeout_ms ?? TIMEOUT_MS)
  const forward = (): void => stop.abort()
  options.signal?.addEventListener('abort', forward)
  try {
    const response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      signal: stop.signal,
      ...(sent === undefined ? {} : { body: sent }),
    })
    if (!response.ok) throw await problem(response)
    return response
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError('link.unreachable', 0)
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', forward)
  }
}

type FileOptions = Readonly<{ idempotencyKey?: string; onSent?: (part: number) => void }>

const STILL_MS = 60_000 // a line on which nothing moves for so long is down; how long a file takes in all, nobody knows

/** A file as the body. XMLHttpRequest: fetch tells nobody how much has gone. */
function sendFile(path: string, file: Blob, options: FileOptions): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    let timer = setTimeout(() => request.abort(), STILL_MS)
    const moved = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => request.abort(), STILL_MS)
    }
    request.open('POST', path)
    request.setRequestHeader('Accept', 'application/json')
    request.setRequestHeader('Idempotency-Key', options.idempotencyKey ?? uuid())
    request.setRequestHeader('Content-Type', 'application/octet-stream')
    request.upload.onprogress = event => {
      moved()
      if (event.lengthComputable) options.onSent?.(event.loaded / event.total)
    }
    request.onload = () => resolve(new Response(request.responseText, { status: request.status }))
    request.onerror = () => reject(new ApiError('link.unreachable', 0))
    request.onabort = () => reject(new ApiError('link.unreachable', 0))
    request.onloadend = () => clearTimeout(timer)
    request.send(file)
  })
}

/** problem+json: {type, title, status, code, ...facts} or {code, facts}. Anything else is a code of its status. */
export async function problem(response: Response): Promise<ApiError> {
  const told: unknown = await response.json().catch(() => null)
  if (typeof told !== 'object' || told === null || !('code' in told) || typeof told.code !== 'string') {
    return new ApiError(`http.${response.status}`, response.status)
  }
  const inner = 'facts' in told && typeof told.facts === 'object' && told.facts !== null ? told.facts : told
  return new ApiError(told.code, response.status, inner as Facts)
}

async function json<T>(method: Method, path: string, body: unknown, options: Options): Promise<T> {
  const response = await send(method, path, body, options)
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

/** T is the type the server's generator wrote for that path (api/types.gen.ts). */
export const api = {
  get: <T>(path: string, options: Options = {}) => json<T>('GET', path, undefined, options),
  post: <T>(path: string, body: unknown, options: Options = {}) => json<T>('POST', path, body, options),
  put: <T>(path: string, body: unknown, options: Options = {}) => json<T>('PUT', path, body, options),
  patch: <T>(path: string, body: unknown, options: Options = {}) => json<T>('PATCH', path, body, options),
  delete: <T>(path: string, options: Options = {}) => json<T>('DELETE', path, undefined, options),
  file: async <T>(path: string, file: Blob, options: FileOptions = {}): Promise<T> => {
    const response = await sendFile(path, file, options)
    if (!response.ok) throw await problem(response)
    return (await response.json()) as T
  },
  /** There and back as it is: how wide the line is. */
  echo: async (piece: Blob): Promise<ArrayBuffer> => (await send('POST', '/api/echo', piece, {})).arrayBuffer(),
  bytes: async (path: string, options: Options = {}): Promise<ArrayBuffer> =>
    (await send('GET', path, undefined, options)).arrayBuffer(),
}
