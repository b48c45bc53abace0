// How wide the page is, by the two borders of the design language: below 700 px rows take two lines and a touch opens;
// from 1500 px there is room for source, miniature and QRS.
import { type Signal, signal } from '@preact/signals'

export const isPhone = follow('(max-width: 699px)')
export const isWide = follow('(min-width: 1500px)')

function follow(query: string): Signal<boolean> {
  const fits = signal(false)
  if (typeof matchMedia !== 'function') return fits
  const asked = matchMedia(query)
  fits.value = asked.matches
  asked.addEventListener('change', () => {
    fits.value = asked.matches
  })
  return fits
}
