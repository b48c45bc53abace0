// The reports on their way to be signed, whatever screen stands: the timer, the sending, the line that says so with its
// undo. The order of things is holding.ts.
import { signal } from '@preact/signals'
import { ApiError, api } from '../api/client'
import type { Report } from '../api/types.gen'
import { now } from '../app/clock'
import { useKeys } from '../app/keys'
import { go } from '../app/router'
import { t } from '../i18n/reader'
import { Button } from '../ui'
import { refetch } from '../worklist/state'
import './signing.css'
import { due, failed, type Held, hold, nextDue_ms, sending, signed, undo, type Wish } from './holding'

export const held = signal<readonly Held[]>([])
const done = new Set<string>()
/** Signed by this page, or about to be: its draft needs no saving and its claim no giving back. */
export const isSettled = (recording: string): boolean =>
  done.has(recording) || held.value.some(h => h.recording === recording)

let timer: ReturnType<typeof setTimeout> | undefined

function plan(): void {
  clearTimeout(timer)
  const at_ms = nextDue_ms(held.peek())
  if (at_ms !== null) timer = setTimeout(sendDue, Math.max(0, at_ms - Date.now()))
}

function sendDue(): void {
  for (const one of due(held.peek(), Date.now())) void send(one)
  plan()
}

async function send(one: Held): Promise<Report | null> {
  held.value = sending(held.value, one.recording)
  try {
    const report = await api.post<Report>(`/api/recordings/${encodeURIComponent(one.recording)}/sign`, one.body, {
      idempotencyKey: one.key,
    })
    settle(one.recording)
    return report
  } catch (error) {
    held.value = failed(held.value, one.recording, error)
    return null
  }
}

function settle(recording: string): void {
  done.add(recording)
  held.value = signed(held.value, recording)
  refetch(recording)
}

/** Held for ten seconds; the screen may go on to the next ECG at once. */
export function holdSigning(wish: Wish): void {
  held.value = hold(held.value, wish, Date.now())
  plan()
}

/** Signed now and waited for: critical reports. Throws what the hub answered. */
export async function signNow(wish: Wish): Promise<Report> {
  const report = await api.post<Report>(`/api/recordings/${encodeURIComponent(wish.recording)}/sign`, wish.body, {
    idempotencyKey: wish.key,
  })
  settle(wish.recording)
  return report
}

/** What a doctor signed is signed, also when the page is closed within the ten seconds. */
function sendAllOnLeave(): void {
  for (const one of held.peek()) {
    if (one.state.kind !== 'held') continue
    // Not the client: only keepalive outlives the page.
    void fetch(`/api/recordings/${encodeURIComponent(one.recording)}/sign`, {
      method: 'POST',
      keepalive: true,
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': one.key },
      body: JSON.stringify(one.body),
    })
  }
}
if (typeof addEventListener === 'function') addEventListener('pagehide', sendAllOnLeave)

function takeBack(): void {
  const { taken, left } = undo(held.value)
  held.value = left
  plan()
  if (taken !== null) go(`/read/${encodeURIComponent(taken.recording)}`)
}

function again(one: Held): void {
  void send(one)
}

/** One line for each report that is held, on its way, or was refused. Stands in the panel, never over a trace. */
export function SigningLines() {
  const all = held.value
  useKeys(
    'signing',
    [{ id: 'sign.undo', chord: 'Ctrl+KeyZ', words: () => t('sign.undo'), act: takeBack, hint: true }],
    { off: !all.some(h => h.state.kind === 'held') },
  )
  if (all.length === 0) return null
  return (
    <ul class="rd-signing" role="status">
      {all.map(one => (
        <li key={one.recording} class="rd-signing-line">
          <Line one={one} isLast={one === all.findLast(h => h.state.kind === 'held')} />
        </li>
      ))}
    </ul>
  )
}

function Line({ one, isLast }: { one: Held; isLast: boolean }) {
  const { who, state } = one
  switch (state.kind) {
    case 'held':
      return (
        <>
          <span class="grow">
            {t('sign.held', { who, n: Math.max(0, Math.ceil((state.due_ms - now.value) / 1000)) })}
          </span>
          {isLast && (
            <Button chord="Ctrl+KeyZ" onClick={takeBack}>
              {t('sign.undo')}
            </Button>
          )}
        </>
      )
    case 'sending':
      return <span class="grow">{t('sign.sending', { who })}</span>
    case 'failed':
      return (
        <>
          <span class="grow rd-failed">
            {t('sign.failed', { who, why: state.error instanceof ApiError ? state.error.sentence : '' })}
          </span>
          <Button onClick={() => again(one)}>{t('sign.again')}</Button>
          <Button
            onClick={() => {
              held.value = signed(held.value, one.recording)
              go(`/read/${encodeURIComponent(one.recording)}`)
            }}
          >
            {t('sign.open')}
          </Button>
        </>
      )
  }
}
