// The table of screens: path, how it is framed, its tab. A screen is loaded when it is first shown.
// Each room lays its rows in src/<room>/routes.ts, gathered here; how to add a screen: web/README.md.
import type { Signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import type { GrantView, Me } from '../api/types.gen'
import type { IconName } from '../ui/icon'
import type { Params } from './router'
import { match } from './router'

export type ScreenProps = Readonly<{ params: Params; query: URLSearchParams }>
export type Screen = ComponentType<ScreenProps>

export type Role = GrantView['role']

export type Tab = Readonly<{
  words: () => string
  order: number // from the left: today 10, worklist 20, consults 30, messages 40, records 50, statistics 60, admin 70
  count?: Signal<number | null>
  roles?: readonly Role[] // who sees the tab; everybody when absent. The server decides what they may read.
  phone?: boolean // one of the at most four tabs of a phone
  icon?: IconName
}>

export type Route = Readonly<{
  path: string
  load: () => Promise<{ default: Screen }>
  /** bar: top bar and footer. own: the screen brings its header, the footer stays. bare: only the alarm banner. */
  frame: 'bar' | 'own' | 'bare'
  tab?: Tab
  dark?: boolean // dark unless the user pinned a theme: on-call, room, wall
  home?: Me['home'] // '/' leads here for those whose home it is
  open?: boolean // reachable without login
}>

/** What a room's routes.ts exports. `start` runs once after sign-in: subscriptions, counts, the alarm banner. */
export type RoomRoutes = Readonly<{ routes: readonly Route[]; start?: () => void }>

const rooms = Object.values(import.meta.glob<RoomRoutes>(['../*/routes.ts', '!./routes.ts'], { eager: true }))

export const routes: readonly Route[] = rooms.flatMap(room => room.routes)

export function startRooms(): void {
  for (const room of rooms) room.start?.()
}

export type Found = Readonly<{ route: Route; params: Params }>

export function findRoute(table: readonly Route[], path: string): Found | null {
  for (const route of table) {
    const params = match(route.path, path)
    if (params !== null) return { route, params }
  }
  return null
}
