// Reading one ECG. It brings its own header: the trace needs the width and the height.
import type { Route } from '../app/routes'

export const routes: readonly Route[] = [{ path: '/read/:recording', frame: 'own', load: () => import('./reader') }]
