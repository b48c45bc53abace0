// Who is on call now for this centre, first line first. Asked anew every few minutes; what is not known stays out.
import { signal } from '@preact/signals'
import { api } from '../api/client'
import type { Shift } from '../api/types.gen'
import { centresOf, may, me } from './who'

const AGAIN_MS = 5 * 60_000

export const duty = signal<readonly Shift[]>([])

export const onNow = (shifts: readonly Shift[], at_ms: number): readonly Shift[] =>
  shifts
    .filter(s => Date.parse(s.from_at) <= at_ms && at_ms < Date.parse(s.to_at))
    .sort((a, b) => a.line - b.line || a.name.localeCompare(b.name))

async function ask(): Promise<void> {
  const person = me()
  if (person === null || !may('rota.read')) return
  const at = new Date()
  const query = new URLSearchParams({
    centre: centresOf(person)[0] ?? '',
    from_at: at.toISOString(),
    to_at: new Date(at.getTime() + 60_000).toISOString(),
  })
  try {
    duty.value = onNow(await api.get<readonly Shift[]>(`/api/rota?${query}`), at.getTime())
  } catch {
    duty.value = []
  }
}

export function keepDuty(): () => void {
  void ask()
  const timer = setInterval(() => void ask(), AGAIN_MS)
  return () => clearInterval(timer)
}
