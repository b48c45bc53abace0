// The dialog in which somebody changes his own password. Its other sessions end; this page stays signed in.
import { useState } from 'preact/hooks'
import { ApiError, api } from '../api/client'
import { t } from '../i18n/app'
import { Button, Dialog, ErrorLine, FieldRow } from '../ui'

/** As the hub asks; it refuses the common ones besides. */
const LENGTH_MIN = 8

type Step = { kind: 'asking' } | { kind: 'sending' } | { kind: 'done' } | { kind: 'failed'; error: ApiError }

export function PasswordDialog(p: { open: boolean; onClose: () => void }) {
  const [old, setOld] = useState('')
  const [fresh, setFresh] = useState('')
  const [step, setStep] = useState<Step>({ kind: 'asking' })
  const ready = old !== '' && fresh.length >= LENGTH_MIN && step.kind !== 'sending'

  const close = (): void => {
    setOld('')
    setFresh('')
    setStep({ kind: 'asking' })
    p.onClose()
  }
  const send = async (): Promise<void> => {
    if (!ready) return
    setStep({ kind: 'sending' })
    try {
      await api.post('/api/session/password', { old, new: fresh })
      setStep({ kind: 'done' })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      setStep({ kind: 'failed', error })
    }
  }

  if (step.kind === 'done')
    return (
      <Dialog
        title={t('password.title')}
        open={p.open}
        onClose={close}
        acts={<Button onClick={close}>{t('act.close')}</Button>}
      >
        <p role="status">{t('password.done')}</p>
      </Dialog>
    )
  return (
    <Dialog
      title={t('password.title')}
      open={p.open}
      onClose={close}
      acts={
        <Button kind="primary" disabled={!ready} onClick={() => void send()}>
          {t('password.change')}
        </Button>
      }
    >
      <form
        class="col"
        onSubmit={event => {
          event.preventDefault()
          void send()
        }}
      >
        <FieldRow label={t('password.old')}>
          {id => (
            <input
              id={id}
              type="password"
              autocomplete="current-password"
              value={old}
              onInput={event => setOld(event.currentTarget.value)}
            />
          )}
        </FieldRow>
        <FieldRow label={t('password.new')} hint={t('password.hint', { n: LENGTH_MIN })}>
          {(id, told) => (
            <input
              id={id}
              type="password"
              autocomplete="new-password"
              aria-describedby={told}
              value={fresh}
              onInput={event => setFresh(event.currentTarget.value)}
            />
          )}
        </FieldRow>
        <input type="submit" hidden />
        {step.kind === 'failed' && <ErrorLine error={step.error} />}
      </form>
    </Dialog>
  )
}
