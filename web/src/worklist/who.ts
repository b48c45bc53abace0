// What this room asks of the signed-in person: his id, his reading centres, what he may do.
import type { Me, Org } from '../api/types.gen'
import { session } from '../app/session'

export const me = (): Me | null => (session.value.kind === 'in' ? session.value.me : null)

export const may = (rule: string): boolean => me()?.rules?.includes(rule) === true

const READING: ReadonlySet<string> = new Set(['reader', 'reviewer', 'on_call', 'quality_officer', 'general_duty'])

/** The institutions whose worklists he follows: topics `org:<id>` of the live link. */
export function centresOf(person: Me): readonly string[] {
  const reading = person.grants.filter(grant => READING.has(grant.role)).map(grant => grant.org)
  return [...new Set(reading.length > 0 ? reading : person.grants.map(grant => grant.org))]
}

/** The county (or city) an institution counts to on the left of the list. */
export function countyOf(orgs: readonly Org[], org: string): Org | null {
  const path = orgs.find(o => o.id === org)?.path ?? []
  const chain = path.map(id => orgs.find(o => o.id === id)).filter(o => o !== undefined)
  return chain.find(o => o.level === 'county') ?? chain.find(o => o.level === 'city') ?? null
}
