// Boxes and sentences: panes, fields, steps, empty and failed places, the offline bar, the dialog.
import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { ApiError } from '../api/client'
import { DIALOG_SCOPE, useKeys } from '../app/keys'
import { t as frame } from '../i18n/app'
import { t } from '../i18n/ui'
import { Button } from './button'
import { Icon } from './icon'

export function Pane(p: { title?: string; tools?: ComponentChildren; children: ComponentChildren; class?: string }) {
  const id = useId()
  return (
    <section class={`pane ${p.class ?? ''}`} aria-labelledby={p.title === undefined ? undefined : id}>
      {p.title !== undefined && (
        <header class="pane-head">
          <h2 id={id}>{p.title}</h2>
          <span class="grow" />
          {p.tools}
        </header>
      )}
      {p.children}
    </section>
  )
}

/** A labelled control with its hint and its error beside it. The child gets the id: `{id => <input id={id} />}`. */
export function FieldRow(p: {
  label: string
  hint?: string
  error?: string | null
  children: (id: string, describedBy: string | undefined) => ComponentChildren
}) {
  const id = useId()
  const told = p.error ?? p.hint
  return (
    <div class={`field${p.error ? ' field-bad' : ''}`}>
      <label for={id}>{p.label}</label>
      {p.children(id, told === undefined ? undefined : `${id}-told`)}
      {told !== undefined && (
        <p class="field-told" id={`${id}-told`} role={p.error ? 'alert' : undefined}>
          {told}
        </p>
      )}
    </div>
  )
}

export type Step = Readonly<{ words: string; state: 'done' | 'now' | 'todo'; note?: string }>
export const Steps = ({ steps, label }: { steps: readonly Step[]; label: string }) => (
  <ol class="steps" aria-label={label}>
    {steps.map(s => (
      <li key={s.words} class={`step step-${s.state}`} aria-current={s.state === 'now' ? 'step' : undefined}>
        <span class="step-mark" aria-hidden="true">
          {s.state === 'done' && <Icon name="check" size={12} />}
        </span>
        {s.words}
        <span class="vh">{t(`step.${s.state}`)}</span>
        {s.note !== undefined && <span class="dim">{s.note}</span>}
      </li>
    ))}
  </ol>
)

/** What will appear here, and the next act. */
export const Empty = ({ title, next, children }: { title: string; next?: string; children?: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {next !== undefined && <p class="muted">{next}</p>}
    {children}
  </div>
)

/** What did not happen, what is safe, what to do, and a number to read out. In place, never over a trace. */
export function ErrorLine(p: { error: unknown; sentence?: string; retry?: () => void; retryWords?: string }) {
  const known = p.error instanceof ApiError ? p.error : null
  return (
    <div class="errorline" role="alert">
      <p>
        {p.sentence ?? known?.sentence ?? frame('error.unknown')}
        {known !== null && <span class="dim f12"> {frame('error.number', { code: known.code })}</span>}
      </p>
      {p.retry !== undefined && <Button onClick={p.retry}>{p.retryWords ?? frame('act.retry')}</Button>}
    </div>
  )
}

/** Grey, with its age: offline is a state, not an error. */
/** `since` is null when the hub was never reached. */
export const OfflineBar = ({ since, queued }: { since: string | null; queued: number }) => (
  <div class="offlinebar" role="status">
    <span>{since === null ? frame('offline.never') : frame('offline.bar', { since })}</span>
    {queued > 0 && <b>{frame('offline.queued', { n: queued })}</b>}
  </div>
)

/** The real layout in grey, after 150 ms (by CSS), so that a fast answer never flashes. */
export const Skeleton = ({ rows }: { rows: number }) => (
  <div class="skeleton" aria-hidden="true">
    {Array.from({ length: rows }, (_, i) => (
      <i key={i} />
    ))}
  </div>
)

/** A native modal dialog: focus is kept in it and returns where it came from. Keys of the screen below are silent. */
export function Dialog(p: {
  title: string
  open: boolean
  onClose: () => void
  children: ComponentChildren
  acts?: ComponentChildren
}) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useLayoutEffect(() => {
    const dialog = ref.current
    if (dialog === null) return
    if (p.open && !dialog.open) dialog.showModal()
    if (!p.open && dialog.open) dialog.close()
  }, [p.open])
  useKeys(DIALOG_SCOPE, [{ id: 'dialog.close', chord: 'Escape', words: () => frame('act.close'), act: p.onClose }], {
    modal: true,
    off: !p.open,
  })
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-labelledby={id}
      onCancel={event => {
        event.preventDefault()
        p.onClose()
      }}
    >
      {p.open && (
        <>
          <header class="pane-head">
            <h2 id={id}>{p.title}</h2>
            <span class="grow" />
            <Button kind="quiet" icon="cross" label={frame('act.close')} onClick={p.onClose} />
          </header>
          <div class="dialog-body">{p.children}</div>
          {p.acts !== undefined && <footer class="dialog-acts">{p.acts}</footer>}
        </>
      )}
    </dialog>
  )
}
