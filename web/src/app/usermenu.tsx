// The menu behind the user's name: language, theme, single-letter keys, password, sign out.
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../i18n/app'
import { type Language, language } from '../i18n/catalogue'
import { Avatar, Button, Segmented } from '../ui'
import { singleKeys } from './keys'
import { PasswordDialog } from './password'
import { path } from './router'
import { session, signOut } from './session'
import { type ThemeChoice, themeChoice } from './theme'

/** Also on the login screen, where there is no menu yet. */
export const LanguageSwitch = () => (
  <Segmented<Language>
    label={t('user.language')}
    value={language.value}
    onChange={v => {
      language.value = v
    }}
    choices={[
      { value: 'zh', words: '中文' },
      { value: 'en', words: 'English' },
    ]}
  />
)

export const ThemeSwitch = () => (
  <Segmented<ThemeChoice>
    label={t('user.theme')}
    value={themeChoice.value}
    onChange={v => {
      themeChoice.value = v
    }}
    choices={[
      { value: 'light', words: t('theme.light') },
      { value: 'dark', words: t('theme.dark') },
      { value: 'auto', words: t('theme.auto') },
    ]}
  />
)

export function UserMenu() {
  const menu = useRef<HTMLDetailsElement>(null)
  const [changing, setChanging] = useState(false)
  useEffect(() => {
    const close = (event: Event): void => {
      const el = menu.current
      if (el === null || !el.open) return
      if (event instanceof KeyboardEvent) {
        if (event.code !== 'Escape') return
        event.preventDefault()
        el.querySelector('summary')?.focus()
      } else if (event.target instanceof Node && el.contains(event.target)) return
      el.open = false
    }
    addEventListener('pointerdown', close)
    addEventListener('keydown', close, true)
    return () => {
      removeEventListener('pointerdown', close)
      removeEventListener('keydown', close, true)
    }
  }, [])
  useEffect(() => {
    if (menu.current !== null) menu.current.open = false
  }, [path.value])

  if (session.value.kind !== 'in') return null
  const { name, title, hub_name } = session.value.me
  return (
    <>
      <details class="user" ref={menu}>
        <summary aria-label={t('user.menu', { name })}>
          <Avatar name={name} />
          <span class="user-name">{name}</span>
        </summary>
        <div class="usermenu">
          <div>
            <b class="name">{name}</b>
            <div class="dim f12">{title === '' ? hub_name : `${title} · ${hub_name}`}</div>
          </div>
          <div class="row">
            <span class="label">{t('user.language')}</span>
            <LanguageSwitch />
          </div>
          <div class="row">
            <span class="label">{t('user.theme')}</span>
            <ThemeSwitch />
          </div>
          <div class="row">
            <span class="label">{t('user.keys')}</span>
            <Segmented
              label={t('user.keys')}
              value={singleKeys.value ? 'on' : 'off'}
              onChange={v => {
                singleKeys.value = v === 'on'
              }}
              choices={[
                { value: 'on', words: t('user.keys.on') },
                { value: 'off', words: t('user.keys.off') },
              ]}
            />
          </div>
          <Button
            onClick={() => {
              if (menu.current !== null) menu.current.open = false
              setChanging(true)
            }}
          >
            {t('password.title')}
          </Button>
          <Button onClick={() => void signOut()}>{t('user.out')}</Button>
        </div>
      </details>
      <PasswordDialog open={changing} onClose={() => setChanging(false)} />
    </>
  )
}
