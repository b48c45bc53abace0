// The row of the image viewer; a chunk of its own, loaded with the first image that is opened.
import type { Route } from '../app/routes'

export const routes: readonly Route[] = [{ path: '/image/:id', frame: 'own', load: () => import('./page'), dark: true }]
