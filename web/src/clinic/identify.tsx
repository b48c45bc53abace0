// Name later: who the unidentified person was. Writes into the recording's history; the old name is never lost.
import { useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Identify, Recording } from '../api/types.gen'
import { t } from '../i18n/clinic'
import { Button, Dialog, ErrorLine, FieldRow, Segmented } from '../ui'
import { ageWrong, factsOf, idNoWrong, type OrderFields } from './orderform'

const EMPTY: OrderFields = { emergency: false, name: '', sex: '', age: '', idNo: '' }

export function IdentifyDialog(p: { recording: Recording; onClose: () => void; onDone: (r: Recording) => void }) {
  const [fields, setFields] = useState<OrderFields>(() => ({
    ...EMPTY,
    sex: p.recording.patient.sex,
    age: p.recording.patient.age_years === null ? '' : String(p.recording.patient.age_years),
  }))
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const set = (change: Partial<OrderFields>): void => setFields({ ...fields, ...change })
  const bad = fields.name.trim() === '' || fields.sex === '' || ageWrong(fields.age) || idNoWrong(fields.idNo)
  const save = async (): Promise<void> => {
    setTried(true)
    if (bad) return
    setBusy(true)
    setError(null)
    const body: Identify = { patient: factsOf(fields) }
    try {
      p.onDone(await api.post<Recording>(`/api/recordings/${encodeURIComponent(p.recording.id)}/identify`, body))
      p.onClose()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={t('name.title')}
      open
      onClose={p.onClose}
      acts={
        <>
          <Button onClick={p.onClose}>{t('act.cancel')}</Button>
          <Button kind="primary" busy={busy} onClick={() => void save()}>
            {t('name.save')}
          </Button>
        </>
      }
    >
      <form
        class="order-body"
        data-testid="identify"
        onSubmit={e => {
          e.preventDefault()
          void save()
        }}
      >
        <FieldRow label={t('order.name')} error={tried && fields.name.trim() === '' ? t('order.name.missing') : null}>
          {(id, by) => (
            <input
              id={id}
              name="patient-name"
              aria-describedby={by}
              autocomplete="off"
              value={fields.name}
              onInput={e => set({ name: e.currentTarget.value })}
            />
          )}
        </FieldRow>
        <div class="order-two">
          <div class="field">
            <span class="label">{t('order.sex')}</span>
            <Segmented<'' | 'M' | 'F'>
              label={t('order.sex')}
              value={fields.sex}
              onChange={sex => set({ sex })}
              choices={[
                { value: 'M', words: t('sex.M') },
                { value: 'F', words: t('sex.F') },
              ]}
            />
          </div>
          <FieldRow label={t('order.age')} error={tried && ageWrong(fields.age) ? t('order.age.missing') : null}>
            {(id, by) => (
              <input
                id={id}
                name="patient-age"
                aria-describedby={by}
                inputMode="numeric"
                value={fields.age}
                onInput={e => set({ age: e.currentTarget.value })}
              />
            )}
          </FieldRow>
        </div>
        <FieldRow label={t('order.id')} error={tried && idNoWrong(fields.idNo) ? t('order.id.bad') : null}>
          {(id, by) => (
            <input
              id={id}
              name="patient-id-no"
              aria-describedby={by}
              value={fields.idNo}
              onInput={e => set({ idNo: e.currentTarget.value })}
            />
          )}
        </FieldRow>
        <p class="dim f12">{t('name.told')}</p>
        {error !== null && <ErrorLine error={error} />}
      </form>
    </Dialog>
  )
}
