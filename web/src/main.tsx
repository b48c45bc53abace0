// Starts the pages: theme and language first (no flash), then keys, router, clock, session and the live link.
import './ui/tokens.css'
import './ui/base.css'
import './ui/table.css'
import './ui/ui.css'
import './app/app.css'
import { effect, untracked } from '@preact/signals'
import { render } from 'preact'
import { startClock } from './app/clock'
import { Frame } from './app/frame'
import { startKeys } from './app/keys'
import { go, path, startRouter } from './app/router'
import { findRoute, routes, startRooms } from './app/routes'
import { loadSession, session } from './app/session'
import { applyTheme } from './app/theme'
import { keepLanguage } from './i18n/catalogue'
import { startLive } from './live/live'

applyTheme()
keepLanguage()
startClock()
startRouter()
startKeys()

let started = false
function startOnce(): void {
  if (started) return
  started = true
  untracked(startRooms)
}

effect(() => {
  const here = session.value
  if (here.kind === 'in') {
    startLive(() => {
      session.value = { kind: 'out' }
    })
    startOnce()
  }
  if (here.kind === 'out' && findRoute(routes, path.value)?.route.open !== true) go('/login', { replace: true })
})

const root = document.getElementById('app')
if (root !== null) render(<Frame />, root)
void loadSession()
