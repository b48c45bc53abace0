// Who is at this page: the signed-in person as the server describes him, his institution, what he may do.
import { computed } from '@preact/signals'
import type { Me, Org } from '../api/types.gen'
import { session } from '../app/session'

export const me = computed<Me | null>(() => (session.value.kind === 'in' ? (session.value.me as unknown as Me) : null))

/** The institution of his first grant: what a clinic's pages are about. */
export const ownOrg = computed<string | null>(() => me.value?.grants[0]?.org ?? null)

/** Every institution he holds a grant at: the topics his page hears. */
export const grantOrgs = computed<readonly string[]>(() => [...new Set(me.value?.grants.map(g => g.org) ?? [])])

export const may = (rule: string): boolean => me.value?.rules.includes(rule) === true

export function orgOf(id: string | null): Org | null {
  return me.value?.orgs.find(o => o.id === id) ?? null
}

export const isMe = (account: string | null): boolean => account !== null && account === me.value?.id
