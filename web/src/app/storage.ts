// A signal kept in localStorage under one key. A value that no longer reads is dropped, never half believed.
import { effect, type Signal, signal } from '@preact/signals'

export function stored<T>(key: string, initial: T, read: (raw: unknown) => T | null): Signal<T> {
  const kept = signal(readKept(key, read) ?? initial)
  effect(() => {
    globalThis.localStorage?.setItem(key, JSON.stringify(kept.value))
  })
  return kept
}

function readKept<T>(key: string, read: (raw: unknown) => T | null): T | null {
  const raw = globalThis.localStorage?.getItem(key)
  if (raw === null || raw === undefined) return null
  try {
    return read(JSON.parse(raw))
  } catch {
    return null // written by hand or by an older version
  }
}
