// The frame round every screen: top bar, alarm banner (pushes, never covers), content, footer of key hints.
// Which screen stands in it is screen.tsx's business, which keys are hinted that of keys.ts.
import { useEffect, useState } from 'preact/hooks'
import { t } from '../i18n/app'
import { hubStorage, linkAge_s, linkState } from '../live/live'
import { Dialog, Dot, Icon, OfflineBar } from '../ui'
import { age, clockTime } from './clock'
import { type Binding, chordOf, chordWords, EVERYWHERE, footerHints, screenScopes, useKeys } from './keys'
import { go, path, place } from './router'
import { findRoute, type Route, routes } from './routes'
import { Content, NotFound } from './screen'
import { session } from './session'
import { bannerSlot, callSlot, footNote, queuedWrites } from './slots'
import { screenPrefersDark } from './theme'
import { UserMenu } from './usermenu'

export function Frame() {
  const found = findRoute(routes, path.value)
  const frame = found?.route.frame ?? 'bar'
  const [helpOpen, setHelpOpen] = useState(false)
  const home = homeOf(myTabs())
  useEffect(() => {
    if (path.value === '/' && found === null && home !== undefined) go(home, { replace: true })
  }, [path.value, home])
  useEffect(() => {
    screenPrefersDark.value = found?.route.dark === true
  }, [found?.route])
  useKeys(
    'everywhere',
    everywhere(myTabs(), () => setHelpOpen(true)),
  )

  const Banner = bannerSlot.value
  const Call = callSlot.value
  const link = linkState.value
  return (
    <>
      <a class="skip" href="#content">
        {t('nav.skip')}
      </a>
      {frame === 'bar' && <TopBar />}
      <div class="banner">
        {Banner !== null && <Banner />}
        {Call !== null && <Call />}
        <StorageBar />
        {link.kind === 'lost' && (
          <OfflineBar
            since={link.lastHeardAt === null ? null : clockTime(link.lastHeardAt)}
            queued={queuedWrites.value}
          />
        )}
      </div>
      <main class="content" id="content" tabIndex={-1}>
        {found === null ? <NotFound /> : <Content key={path.value} found={found} query={place.value.query} />}
      </main>
      {frame !== 'bare' && <Foot onHelp={() => setHelpOpen(true)} />}
      {frame === 'bar' && <Tabs class="tabs phonetabs" tabs={myTabs().filter(r => r.tab?.phone === true)} />}
      <KeyHelp open={helpOpen} onClose={() => setHelpOpen(false)} />
    </>
  )
}

/** That the hub's disk is full concerns everybody; that it runs full, who can make room. */
function StorageBar() {
  const { is, free_mb } = hubStorage.value
  const here = session.value
  const isAdmin = here.kind === 'in' && here.me.grants.some(grant => grant.role === 'admin')
  if (is === 'ok' || (is === 'low' && !isAdmin)) return null
  return (
    <div class="offlinebar" role="status" data-testid="storage-bar">
      <span>{is === 'full' ? t('storage.full') : t('storage.low', { mb: free_mb })}</span>
    </div>
  )
}

/** The tabs of the person's roles; which data stands behind them is the server's decision. */
function myTabs(): readonly Route[] {
  const here = session.value
  if (here.kind !== 'in') return []
  const mine = here.me.grants.map(grant => grant.role)
  return routes
    .filter(r => r.tab !== undefined && (r.tab.roles === undefined || r.tab.roles.some(role => mine.includes(role))))
    .sort((a, b) => (a.tab?.order ?? 0) - (b.tab?.order ?? 0))
}

/** Where '/' leads: the screen that says it is this person's home, else the first tab. */
function homeOf(tabs: readonly Route[]): string | undefined {
  const here = session.value
  const home = here.kind === 'in' ? routes.find(r => r.home === here.me.home) : undefined
  return (home ?? tabs[0])?.path
}

function everywhere(tabs: readonly Route[], help: () => void): readonly Binding[] {
  return [
    ...tabs.slice(0, 5).map((r, i) => ({
      id: `tab.${i + 1}`,
      chord: `Alt+Digit${i + 1}`,
      words: () => r.tab?.words() ?? '',
      act: () => go(r.path),
    })),
    { id: 'keys.help', chord: 'Shift+Slash', words: () => t('keys.all'), hint: true, act: help },
  ]
}

function TopBar() {
  const link = linkState.value
  return (
    <header class="top">
      <a class="brand" href="/">
        <Icon name="logo" size={22} />
        {t('name')}
      </a>
      <Tabs class="tabs" tabs={myTabs()} />
      <span class="grow" />
      {link.kind !== 'idle' && (
        <span class="link" role="status">
          <Dot is={link.kind === 'live' ? 'on' : link.kind === 'lost' ? 'off' : 'wait'} />
          <span class="link-words">
            {link.kind === 'live' && t('link.live')}
            {link.kind === 'connecting' && t('link.connecting')}
            {link.kind === 'lost' && t('link.lost', { age: linkAge_s.value === null ? '' : age(linkAge_s.value) })}
          </span>
        </span>
      )}
      <UserMenu />
    </header>
  )
}

function Tabs(p: { class: string; tabs: readonly Route[] }) {
  if (p.tabs.length === 0) return null
  return (
    <nav class={p.class} aria-label={t('nav.label')}>
      {p.tabs.map(r => (
        <a key={r.path} href={r.path} aria-current={isHere(r.path) ? 'page' : undefined}>
          {r.tab?.icon !== undefined && <Icon name={r.tab.icon} size={20} />}
          {r.tab?.words()}
          {(r.tab?.count?.value ?? null) !== null && <span class="count">{r.tab?.count?.value}</span>}
        </a>
      ))}
    </nav>
  )
}

/** A tab is on for its own path and everything below it. */
const isHere = (tab: string): boolean => path.value === tab || (tab !== '/' && path.value.startsWith(`${tab}/`))

function Foot({ onHelp }: { onHelp: () => void }) {
  return (
    <footer class="foot">
      <span class="foot-hints">
        {footerHints.value.map(b => (
          <span class="keyhint" key={b.id}>
            <kbd>{chordWords(chordOf(b))}</kbd>
            {b.id === 'keys.help' ? (
              <button type="button" class="linkish" onClick={onHelp}>
                {b.words()}
              </button>
            ) : (
              b.words()
            )}
          </span>
        ))}
      </span>
      <span class="grow" />
      <span role="status">{footNote.value}</span>
    </footer>
  )
}

function KeyHelp(p: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title={t('keys.title')} open={p.open} onClose={p.onClose}>
      <div class="keylist">
        {screenScopes.value
          .filter(scope => scope.name !== EVERYWHERE)
          .map(scope => (
            <KeyRows key={scope.name} bindings={scope.bindings()} />
          ))}
        <h3>{t('keys.everywhere')}</h3>
        <KeyRows bindings={everywhere(myTabs(), () => {})} />
      </div>
    </Dialog>
  )
}

const KeyRows = ({ bindings }: { bindings: readonly Binding[] }) => (
  <>
    {bindings.map(b => (
      <>
        <kbd key={`${b.id} key`}>{chordWords(chordOf(b))}</kbd>
        <span key={b.id}>{b.words()}</span>
      </>
    ))}
  </>
)
