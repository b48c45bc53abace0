// Talk with the clinic about this ECG: the last messages and one field. Sent twice by accident is stored once.
import { useEffect, useRef, useState } from 'preact/hooks'
import { api, uuid } from '../api/client'
import type { Message, Messages } from '../api/types.gen'
import { clockTime } from '../app/clock'
import { t } from '../i18n/reader'
import { subscribe } from '../live/live'
import { Button, ErrorLine } from '../ui'
import { centresOf, may, me } from '../worklist/who'

const SHOWN = 30

export function Thread(p: { recording: string; field: { current: HTMLInputElement | null } }) {
  const path = `/api/threads/${encodeURIComponent(p.recording)}/messages`
  const [messages, setMessages] = useState<readonly Message[]>([])
  const [failed, setFailed] = useState<unknown>(null)
  const waiting = useRef<{ text: string; client_id: string } | null>(null)
  useEffect(() => {
    let left = false
    const ask = (): void => {
      api.get<Messages>(`${path}?limit=${SHOWN}`).then(
        told => {
          if (!left) setMessages(told.messages)
        },
        () => {}, // what is shown stays
      )
    }
    ask()
    const person = me()
    const stops = (person === null ? [] : centresOf(person)).map(centre =>
      subscribe(`org:${centre}`, null, {
        event: event => {
          if (event.kind !== 'message.sent') return
          const body = event.body as { thread?: unknown } | null
          if (event.subject === p.recording || body?.thread === p.recording) ask()
        },
      }),
    )
    return () => {
      left = true
      for (const stop of stops) stop()
    }
  }, [path])

  const send = async (): Promise<void> => {
    const text = p.field.current?.value.trim() ?? ''
    if (text === '') return
    // The same words after a failure are the same message.
    const message = waiting.current?.text === text ? waiting.current : { text, client_id: uuid() }
    waiting.current = message
    try {
      const stored = await api.post<Message>(path, message, { idempotencyKey: message.client_id })
      waiting.current = null
      setFailed(null)
      setMessages(before => (before.some(m => m.id === stored.id) ? before : [...before, stored]))
      if (p.field.current !== null) p.field.current.value = ''
    } catch (error) {
      setFailed(error)
    }
  }
  return (
    <section class="rd-part rd-thread">
      <h2 class="rd-part-head">{t('thread')}</h2>
      <ol aria-live="polite">
        {messages.map(message => (
          <li key={message.id} class="rd-message">
            <b class="name">{message.author === me()?.id ? t('thread.me') : message.author_name}</b>{' '}
            <span class="dim">{clockTime(message.at).slice(0, 5)}</span> {message.text}
          </li>
        ))}
      </ol>
      {messages.length === 0 && <p class="dim f13">{t('thread.none')}</p>}
      {failed !== null && <ErrorLine error={failed} sentence={t('thread.failed')} retry={() => void send()} />}
      {may('message.write') && (
        <form
          class="rd-say"
          onSubmit={event => {
            event.preventDefault()
            void send()
          }}
        >
          <input
            ref={p.field}
            class="input"
            aria-label={t('thread.say')}
            placeholder={t('thread.say')}
            maxLength={1000}
            autocomplete="off"
            onKeyDown={event => {
              if (event.code !== 'Escape') return
              event.preventDefault()
              event.currentTarget.blur()
            }}
          />
          <Button submit>{t('thread.send')}</Button>
        </form>
      )}
    </section>
  )
}
