// The 30-second request form: three fields, symptom chips, the device. An emergency needs no name (先采后补).
// Sent with one idempotency key until it is through; what was typed stays when it was refused.
import { useRef, useState } from 'preact/hooks'
import { api, uuid } from '../api/client'
import type { DeviceView, NewOrder, Order, Patient } from '../api/types.gen'
import { useKeys } from '../app/keys'
import { t } from '../i18n/clinic'
import { Button, ErrorLine, FieldRow, Segmented } from '../ui'
import { SYMPTOMS, type Symptom, symptom } from './case'
import { ageWrong, factsOf, idNoWrong, type OrderFields } from './orderform'

export type OrderStart = Readonly<{ patient: Patient | null; symptoms: readonly string[]; why: string | null }>

export const EMPTY_ORDER: OrderStart = { patient: null, symptoms: [], why: null }

export function OrderForm(p: {
  org: string
  devices: readonly DeviceView[]
  start: OrderStart
  onSent: (order: Order) => void
  onClose: () => void
}) {
  const [fields, setFields] = useState<OrderFields>(() => ({
    emergency: false,
    name: p.start.patient?.name ?? '',
    sex: p.start.patient?.sex ?? '',
    age: p.start.patient?.age_years === null || p.start.patient === null ? '' : String(p.start.patient.age_years),
    idNo: '',
  }))
  const [symptoms, setSymptoms] = useState<ReadonlySet<string>>(new Set(p.start.symptoms))
  const usable = p.devices.filter(d => d.active)
  const [device, setDevice] = useState<string | null>(usable.length === 1 ? (usable[0]?.id ?? null) : null)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const key = useRef(uuid())
  const set = (change: Partial<OrderFields>): void => setFields({ ...fields, ...change })
  const bad = {
    name: !fields.emergency && fields.name.trim() === '',
    sex: !fields.emergency && fields.sex === '',
    age: !fields.emergency && ageWrong(fields.age),
    idNo: idNoWrong(fields.idNo),
  }
  const send = async (): Promise<void> => {
    setTried(true)
    if (bad.name || bad.sex || bad.age || bad.idNo || busy) return
    const body: NewOrder = {
      org: p.org,
      patient: factsOf(fields),
      symptoms: symptoms.size === 0 ? ['unknown'] : [...symptoms],
      urgency: fields.emergency ? 'emergency' : 'routine',
      device,
      note: '',
    }
    setBusy(true)
    setError(null)
    try {
      p.onSent(await api.post<Order>('/api/orders', body, { idempotencyKey: key.current }))
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  useKeys('order', [
    { id: 'order.start', chord: 'Ctrl+Enter', words: () => t('key.start'), hint: true, act: () => void send() },
    { id: 'order.close', chord: 'Escape', words: () => t('act.cancel'), hint: true, act: p.onClose },
  ])
  return (
    <form
      class="pane order"
      aria-label={t('order.title')}
      data-testid="order-form"
      onSubmit={e => {
        e.preventDefault()
        void send()
      }}
    >
      <header class="pane-head">
        <h2>{t('order.title')}</h2>
        <span class="grow" />
        <Button on={fields.emergency} onClick={() => set({ emergency: !fields.emergency })}>
          {t('order.emergency')}
        </Button>
      </header>
      <div class="order-body">
        {p.start.why !== null && <p class="order-why">{t('order.again', { why: p.start.why })}</p>}
        {fields.emergency && <p class="order-why">{t('order.emergency.told')}</p>}
        <FieldRow label={t('order.name')} error={tried && bad.name ? t('order.name.missing') : null}>
          {(id, by) => (
            <input
              id={id}
              name="patient-name"
              aria-describedby={by}
              autocomplete="off"
              maxLength={60}
              value={fields.name}
              ref={focusOnce}
              onInput={e => set({ name: e.currentTarget.value })}
            />
          )}
        </FieldRow>
        <div class="order-two">
          <div class={`field${tried && bad.sex ? ' field-bad' : ''}`}>
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
            {tried && bad.sex && (
              <p class="field-told" role="alert">
                {t('order.sex.missing')}
              </p>
            )}
          </div>
          <FieldRow label={t('order.age')} error={tried && bad.age ? t('order.age.missing') : null}>
            {(id, by) => (
              <input
                id={id}
                name="patient-age"
                aria-describedby={by}
                inputMode="numeric"
                autocomplete="off"
                maxLength={3}
                value={fields.age}
                onInput={e => set({ age: e.currentTarget.value })}
              />
            )}
          </FieldRow>
        </div>
        <FieldRow label={t('order.id')} error={tried && bad.idNo ? t('order.id.bad') : null}>
          {(id, by) => (
            <input
              id={id}
              name="patient-id-no"
              aria-describedby={by}
              autocomplete="off"
              maxLength={18}
              value={fields.idNo}
              onInput={e => set({ idNo: e.currentTarget.value })}
            />
          )}
        </FieldRow>
        <fieldset class="order-chips">
          <legend class="label">{t('order.symptoms')}</legend>
          {SYMPTOMS.map(s => (
            <button
              key={s}
              type="button"
              class="chip"
              aria-pressed={symptoms.has(s)}
              onClick={() => setSymptoms(withChip(symptoms, s))}
            >
              {symptom(s)}
            </button>
          ))}
        </fieldset>
        <FieldRow label={t('order.device')}>
          {id => (
            <select id={id} name="device" value={device ?? ''} onChange={e => setDevice(e.currentTarget.value || null)}>
              <option value="">{t('order.device.any')}</option>
              {usable.map(d => (
                <option key={d.id} value={d.id}>
                  {d.model} {d.id} · {t(`device.${d.state}`)}
                </option>
              ))}
            </select>
          )}
        </FieldRow>
        {error !== null && <ErrorLine error={error} retry={() => void send()} />}
      </div>
      <footer class="order-acts">
        <Button size="large" onClick={p.onClose}>
          {t('act.cancel')}
        </Button>
        <Button size="large" kind="primary" submit busy={busy} wide>
          {t('order.start')}
        </Button>
      </footer>
    </form>
  )
}

/** "None" and "unknown" stand alone; any complaint takes them out. */
export function withChip(before: ReadonlySet<string>, chip: Symptom): ReadonlySet<string> {
  const after = new Set(before)
  if (after.delete(chip)) return after
  if (chip === 'none' || chip === 'unknown') return new Set([chip])
  after.delete('none')
  after.delete('unknown')
  return after.add(chip)
}

let focused: HTMLInputElement | null = null
function focusOnce(input: HTMLInputElement | null): void {
  if (input !== null && input !== focused) input.focus()
  focused = input
}
