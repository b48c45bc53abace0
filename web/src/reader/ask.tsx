// What signing may ask first: who you are (unlocked for 30 minutes), and why a critical proposal is graded lower.
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, api } from '../api/client'
import type { Me } from '../api/types.gen'
import { t } from '../i18n/reader'
import { Button, Dialog, ErrorLine, FieldRow } from '../ui'

type Asking = { kind: 'ready' } | { kind: 'asking' } | { kind: 'wrong' } | { kind: 'failed'; error: unknown }

export function Unlock(p: { onClose: () => void; onUnlocked: (until: string | null) => void }) {
  const [state, setState] = useState<Asking>({ kind: 'ready' })
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), []) // after the dialog has opened
  const unlock = async (): Promise<void> => {
    const password = field.current?.value ?? ''
    if (password === '' || state.kind === 'asking') return
    setState({ kind: 'asking' })
    try {
      const me = await api.post<Me>('/api/session/unlock', { password })
      p.onUnlocked(me.unlocked_until)
    } catch (error) {
      const isWrong = error instanceof ApiError && (error.status === 401 || error.status === 403)
      setState(isWrong ? { kind: 'wrong' } : { kind: 'failed', error })
      field.current?.select()
    }
  }
  return (
    <Dialog
      title={t('unlock.title')}
      open
      onClose={p.onClose}
      acts={
        <Button kind="primary" chord="Enter" busy={state.kind === 'asking'} onClick={() => void unlock()}>
          {t('unlock.act')}
        </Button>
      }
    >
      <form
        class="rd-ask"
        onSubmit={event => {
          event.preventDefault()
          void unlock()
        }}
      >
        <p class="muted">{t('unlock.why')}</p>
        <FieldRow label={t('unlock.password')} error={state.kind === 'wrong' ? t('unlock.wrong') : null}>
          {(id, told) => (
            <input id={id} type="password" autocomplete="current-password" aria-describedby={told} ref={field} />
          )}
        </FieldRow>
        {state.kind === 'failed' && <ErrorLine error={state.error} />}
      </form>
    </Dialog>
  )
}

export function Lowered(p: { onClose: () => void; onReason: (reason: string) => void }) {
  const [lacks, setLacks] = useState(false)
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => field.current?.focus(), [])
  const take = (): void => {
    const reason = field.current?.value.trim() ?? ''
    setLacks(reason === '')
    if (reason !== '') p.onReason(reason)
    else field.current?.focus()
  }
  return (
    <Dialog
      title={t('lowered.title')}
      open
      onClose={p.onClose}
      acts={
        <Button kind="primary" chord="Ctrl+Enter" onClick={take}>
          {t('sign')}
        </Button>
      }
    >
      <div class="rd-ask">
        <p class="muted">{t('lowered.why')}</p>
        <FieldRow label={t('lowered.reason')} error={lacks ? t('lowered.missing') : null}>
          {(id, told) => (
            <textarea
              id={id}
              rows={3}
              maxLength={500}
              aria-describedby={told}
              ref={field}
              onKeyDown={event => {
                if (event.code !== 'Enter' || !event.ctrlKey || event.repeat) return
                event.preventDefault()
                event.stopPropagation()
                take()
              }}
            />
          )}
        </FieldRow>
      </div>
    </Dialog>
  )
}
