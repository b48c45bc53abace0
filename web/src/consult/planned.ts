// The time of one consultation as the hub has it, asked anew with each change of the case.
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api/client'
import type { Consult, Plan } from '../api/types.gen'

export function usePlan(of: Consult): { plan: Plan | null; reload: () => void } {
  const [plan, setPlan] = useState<Plan | null>(null)
  const load = (): void => {
    // Without it the page still shows the case; the next change asks again.
    api.get<Plan>(`/api/consults/${encodeURIComponent(of.id)}/plan`).then(setPlan, () => undefined)
  }
  useEffect(load, [of])
  return { plan, reload: load }
}
