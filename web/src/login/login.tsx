// Signing in: whose hub this is, account, password, language and theme, whether the hub answers. In the demonstration
// the accounts stand beside it and one click fills them in. What the hub says is hub.ts's business.
import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Me } from '../api/types.gen'
import { go } from '../app/router'
import { routes } from '../app/routes'
import { loadSession, session } from '../app/session'
import { LanguageSwitch, ThemeSwitch } from '../app/usermenu'
import { language } from '../i18n/catalogue'
import { t } from '../i18n/login'
import { Button, Dot, ErrorLine, FieldRow, Icon } from '../ui'
import { homePath } from './home'
import { askHub, type DemoLogin, hub } from './hub'
import { refusalOf } from './refusal'
import './login.css'

type Trying =
  | { kind: 'ready' }
  | { kind: 'asking' }
  | { kind: 'refused'; sentence: string }
  | { kind: 'failed'; error: unknown }

export default function Login() {
  const account = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)
  const [missing, setMissing] = useState<'account' | 'password' | null>(null)
  const [trying, setTrying] = useState<Trying>({ kind: 'ready' })
  useEffect(askHub, [])
  useEffect(() => account.current?.focus(), [])
  useEffect(() => {
    if (session.peek().kind === 'in') go('/', { replace: true })
  }, [])

  const enter = async (): Promise<void> => {
    const login = account.current?.value.trim() ?? ''
    const secret = password.current?.value ?? ''
    const lacks = login === '' ? 'account' : secret === '' ? 'password' : null
    setMissing(lacks)
    if (lacks !== null) {
      ;(lacks === 'account' ? account : password).current?.focus()
      return
    }
    setTrying({ kind: 'asking' })
    try {
      const me = await api.post<Me>('/api/session', { login, password: secret })
      await loadSession()
      go(homePath(me.home, routes), { replace: true })
    } catch (error) {
      const sentence = refusalOf(error)
      setTrying(sentence === null ? { kind: 'failed', error } : { kind: 'refused', sentence })
      password.current?.select()
      password.current?.focus()
    }
  }

  const fill = (one: DemoLogin): void => {
    if (account.current !== null) account.current.value = one.login
    if (password.current !== null) password.current.value = one.password
    setMissing(null)
    setTrying({ kind: 'ready' })
    if (one.password === '') password.current?.focus()
    else document.querySelector<HTMLElement>('.login-enter .btn')?.focus()
  }

  const there = hub.value.kind === 'there' ? hub.value.hub : null
  const demo = there?.logins ?? []
  return (
    <div class="login">
      <header class="login-top">
        <span class="login-brand">
          <Icon name="logo" size={22} />
          {t('product')}
        </span>
        <span class="grow" />
        <LanguageSwitch />
        <ThemeSwitch />
      </header>
      <div class={`login-middle${demo.length > 0 ? ' login-two' : ''}`}>
        <form
          class="login-form"
          noValidate
          onSubmit={event => {
            event.preventDefault()
            if (trying.kind !== 'asking') void enter()
          }}
        >
          <h1 class="login-hub">{there?.name || t('title')}</h1>
          <FieldRow label={t('account')} error={missing === 'account' ? t('missing.account') : null}>
            {(id, told) => (
              <input
                ref={account}
                id={id}
                name="username"
                autocomplete="username"
                autocapitalize="none"
                spellcheck={false}
                aria-describedby={told}
                aria-invalid={missing === 'account'}
              />
            )}
          </FieldRow>
          <PasswordField
            field={password}
            error={missing === 'password' ? t('missing.password') : trying.kind === 'refused' ? trying.sentence : null}
          />
          {trying.kind === 'failed' && <ErrorLine error={trying.error} />}
          <div class="login-enter">
            <Button kind="primary" size="large" submit wide busy={trying.kind === 'asking'}>
              {t('enter')}
            </Button>
          </div>
          <p class="login-link" role="status">
            <Dot is={hub.value.kind === 'there' ? 'on' : hub.value.kind === 'away' ? 'off' : 'wait'} />
            {hub.value.kind === 'there' && t('hub.there')}
            {hub.value.kind === 'away' && t('hub.away')}
            {hub.value.kind === 'asking' && t('hub.asking')}
            <span class="grow" />
            {there !== null && there.version !== '' && <span class="dim">{t('version', { n: there.version })}</span>}
          </p>
        </form>
        {demo.length > 0 && <DemoLogins logins={demo} onPick={fill} />}
      </div>
    </div>
  )
}

function PasswordField(p: { field: RefObject<HTMLInputElement | null>; error: string | null }) {
  const [shown, setShown] = useState(false)
  const toggle = (): void => {
    if (p.field.current !== null) p.field.current.type = shown ? 'password' : 'text'
    setShown(!shown)
  }
  return (
    <FieldRow label={t('password')} error={p.error}>
      {(id, told) => (
        <span class="login-secret">
          <input
            ref={p.field}
            id={id}
            name="password"
            type="password"
            autocomplete="current-password"
            aria-describedby={told}
            aria-invalid={p.error !== null}
          />
          <button type="button" class="linkish login-eye" aria-pressed={shown} onClick={toggle}>
            {shown ? t('hide') : t('show')}
          </button>
        </span>
      )}
    </FieldRow>
  )
}

const DemoLogins = (p: { logins: readonly DemoLogin[]; onPick: (one: DemoLogin) => void }) => (
  <section class="login-demo" aria-label={t('demo.title')}>
    <h2 class="login-demo-title">{t('demo.title')}</h2>
    <p class="muted f13">{t('demo.note')}</p>
    <ul>
      {p.logins.map(one => (
        <li key={one.login}>
          <button type="button" class="login-one" onClick={() => p.onPick(one)}>
            <span class="name">{one.name}</span>
            <code class="dim f12">{one.login}</code>
            <span class="muted f13 login-what">{language.value === 'zh' ? one.what_zh : one.what_en}</span>
          </button>
        </li>
      ))}
    </ul>
  </section>
)
