// Leads in words: neighbours of the chest become a range, V1–V5.
import { listed } from '../i18n/catalogue'

const CHEST = ['V1', 'V2', 'V3', 'V4', 'V5', 'V6'] as const

/** ['V1','V2','V3','II'] is "V1–V3、II" (three or more neighbours make a range; order as given otherwise). */
export function leadRanges(leads: readonly string[]): string {
  const parts: string[] = []
  let run: number[] = []
  const end = (): void => {
    if (run.length >= 3) parts.push(`${CHEST[run[0] ?? 0]}–${CHEST[run[run.length - 1] ?? 0]}`)
    else for (const i of run) parts.push(CHEST[i] ?? '')
    run = []
  }
  for (const lead of leads) {
    const at = CHEST.indexOf(lead as (typeof CHEST)[number])
    if (at < 0) {
      end()
      parts.push(lead)
    } else {
      if (run.length > 0 && run[run.length - 1] !== at - 1) end()
      run.push(at)
    }
  }
  end()
  return listed(parts)
}
