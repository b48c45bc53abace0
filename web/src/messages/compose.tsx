// The field of a thread: words, whom they name, files. What is typed stays with its thread until it is sent.
import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Attachment, ThreadPerson } from '../api/types.gen'
import { listed } from '../i18n/catalogue'
import { t } from '../i18n/messages'
import { Button, ErrorLine } from '../ui'
import { roleWords } from './bubble'

export type Written = Readonly<{
  text: string
  mentions: readonly string[]
  roles: readonly string[]
  files: readonly Attachment[]
}>

const drafts = new Map<string, string>()
const TAKES = 'image/jpeg,image/png,application/pdf'

type Target = Readonly<{ words: string; note: string; account?: string; role?: string }>

export function Compose(p: {
  thread: string
  field: { current: HTMLTextAreaElement | null }
  placeholder: string
  onSend: (written: Written) => void
}) {
  const [files, setFiles] = useState<readonly Attachment[]>([])
  const [uploading, setUploading] = useState<string | null>(null)
  const [failed, setFailed] = useState<unknown>(null)
  const [naming, setNaming] = useState<string | null>(null) // what was typed behind @
  const named = useRef<readonly Target[]>([])
  const picker = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const el = p.field.current
    if (el !== null) el.value = drafts.get(p.thread) ?? ''
    return () => {
      if (el !== null && el.value.trim() !== '') drafts.set(p.thread, el.value)
      else drafts.delete(p.thread)
    }
  }, [p.thread])
  const send = (): void => {
    const el = p.field.current
    const text = el?.value.trim() ?? ''
    if (el === null || uploading !== null || (text === '' && files.length === 0)) return
    const meant = named.current.filter(target => text.includes(`@${target.words}`))
    p.onSend({
      text,
      files,
      mentions: [...new Set(meant.flatMap(one => one.account ?? []))],
      roles: [...new Set(meant.flatMap(one => one.role ?? []))],
    })
    el.value = ''
    named.current = []
    setFiles([])
    setFailed(null)
    setNaming(null)
  }
  const take = (target: Target): void => {
    const el = p.field.current
    setNaming(null)
    if (el === null) return
    const before = el.value.slice(0, el.selectionStart).replace(/@[^@\s]*$/, '')
    const words = `${before}@${target.words} `
    el.value = words + el.value.slice(el.selectionStart)
    el.setSelectionRange(words.length, words.length)
    el.focus()
    named.current = [...named.current, target]
  }
  const attach = async (file: File): Promise<void> => {
    setUploading(file.name)
    setFailed(null)
    const path = `/api/threads/${encodeURIComponent(p.thread)}/files?name=${encodeURIComponent(file.name)}`
    try {
      const stored = await api.file<Attachment>(path, file)
      setFiles(before => [...before, stored])
    } catch (error) {
      setFailed(error)
    }
    setUploading(null)
    p.field.current?.focus()
  }
  return (
    <form
      class="thread-in"
      onSubmit={event => {
        event.preventDefault()
        send()
      }}
    >
      {naming !== null && (
        <Names thread={p.thread} typed={naming} onTake={take} onClose={() => setNaming(null)} onFail={setFailed} />
      )}
      {(files.length > 0 || uploading !== null) && (
        <ul class="thread-files">
          {files.map(file => (
            <li key={file.id}>
              {file.name}
              <Button
                kind="quiet"
                icon="cross"
                label={t('field.remove', { name: file.name })}
                onClick={() => setFiles(before => before.filter(f => f !== file))}
              />
            </li>
          ))}
          {uploading !== null && <li role="status">{t('field.attaching', { name: uploading })}</li>}
        </ul>
      )}
      {failed !== null && <ErrorLine error={failed} />}
      <div class="thread-field">
        <textarea
          ref={p.field}
          class="input"
          rows={1}
          maxLength={4000}
          aria-label={p.placeholder}
          placeholder={p.placeholder}
          data-testid="thread-input"
          onInput={event => {
            const el = event.currentTarget
            setNaming(/@([^@\s]{0,12})$/.exec(el.value.slice(0, el.selectionStart))?.[1] ?? null)
          }}
          onKeyDown={event => {
            if (event.key === 'Escape' && naming !== null) {
              event.preventDefault()
              event.stopPropagation()
              setNaming(null)
            } else if (event.key === 'Escape') {
              event.currentTarget.blur()
            } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
              event.preventDefault()
              send()
            }
          }}
        />
        <Button
          kind="quiet"
          label={t('field.name')}
          on={naming !== null}
          onClick={() => setNaming(naming === null ? '' : null)}
        >
          @
        </Button>
        <Button kind="quiet" icon="plus" label={t('field.attach')} onClick={() => picker.current?.click()} />
        <Button submit>{t('thread.send')}</Button>
      </div>
      <input
        ref={picker}
        type="file"
        hidden
        accept={TAKES}
        data-testid="thread-file"
        onChange={event => {
          const file = event.currentTarget.files?.[0]
          event.currentTarget.value = ''
          if (file !== undefined) void attach(file)
        }}
      />
    </form>
  )
}

/** Who may see this thread, by role and by name; what was typed behind @ narrows it. */
function Names(p: {
  thread: string
  typed: string
  onTake: (target: Target) => void
  onClose: () => void
  onFail: (error: unknown) => void
}) {
  const [people, setPeople] = useState<readonly ThreadPerson[] | null>(null)
  useEffect(() => {
    api.get<ThreadPerson[]>(`/api/threads/${encodeURIComponent(p.thread)}/people`).then(setPeople, p.onFail)
  }, [p.thread])
  if (people === null) return null
  const roles = [...new Set(people.flatMap(one => one.roles))].filter(role => `role.${role}` in t.entries)
  const targets: readonly Target[] = [
    ...roles.map(role => ({ words: roleWords(role), note: '', role })),
    ...people.map(one => ({ words: one.name, note: listed(one.roles.map(roleWords)), account: one.account })),
  ]
  const fitting = targets.filter(target => target.words.includes(p.typed))
  if (fitting.length === 0) return p.typed === '' ? <p class="muted f13">{t('field.nobody')}</p> : null
  return (
    <ul class="thread-names" aria-label={t('field.names')} data-testid="thread-names">
      {fitting.map(target => (
        <li key={target.account ?? target.role}>
          <button type="button" class="thread-name" onClick={() => p.onTake(target)}>
            <b>@{target.words}</b> <span class="muted">{target.note}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}
