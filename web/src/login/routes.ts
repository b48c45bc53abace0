// The way in: the one screen that stands without a session.
import type { Route } from '../app/routes'

export const routes: readonly Route[] = [{ path: '/login', frame: 'bare', open: true, load: () => import('./login') }]
