// Whether this window is a phone's: under 700 px, as in the style sheets.
import { signal } from '@preact/signals'

export const isPhone = signal(false)

if (typeof matchMedia === 'function') {
  const asked = matchMedia('(max-width: 699px)')
  isPhone.value = asked.matches
  asked.addEventListener('change', () => {
    isPhone.value = asked.matches
  })
}
