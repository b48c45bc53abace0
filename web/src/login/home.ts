// Where a person starts after signing in. Rooms may be missing in a build; then the first tab is as good.
import { findRoute, type Route } from '../app/routes'

const HOMES: Readonly<Record<string, readonly string[]>> = {
  worklist: ['/worklist'],
  clinic: ['/clinic', '/today'],
  on_call: ['/alerts', '/duty', '/worklist'],
  admin: ['/admin'],
}

/** The first place of that home which this build has; '/' lets the frame choose by role. */
export function homePath(home: string, table: readonly Route[]): string {
  return HOMES[home]?.find(path => findRoute(table, path) !== null) ?? '/'
}
