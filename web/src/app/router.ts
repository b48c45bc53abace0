// Where we are: the `route` signal over the history API. Pure matching here, screens in routes.ts.
import { computed, signal } from '@preact/signals'

export type Params = Readonly<Record<string, string>>
export type Place = Readonly<{ path: string; query: URLSearchParams }>

const here = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) })

export const place = signal<Place>(
  typeof location === 'undefined' ? { path: '/', query: new URLSearchParams() } : here(),
)
export const path = computed(() => place.value.path)

/** '/read/:id' against '/read/r-7' gives {id: 'r-7'}; null when it does not fit. */
export function match(pattern: string, path: string): Params | null {
  const wanted = pattern.split('/').filter(Boolean)
  const given = path.split('/').filter(Boolean)
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [i, part] of wanted.entries()) {
    const got = given[i] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = decodeSafely(got)
    else if (part !== got) return null
  }
  return params
}

function decodeSafely(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // a lone % typed into the address bar
  }
}

export function go(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace === true) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  place.value = here()
}

/** Links stay plain <a href>; a left click on one of ours moves without loading. */
export function startRouter(): () => void {
  const onPop = (): void => {
    place.value = here()
  }
  const onClick = (event: MouseEvent): void => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.ctrlKey ||
      event.metaKey ||
      event.shiftKey ||
      event.altKey
    )
      return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (link === null || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.getAttribute('href')?.startsWith('#') === true || link.pathname.startsWith('/api/')) return
    event.preventDefault()
    go(link.pathname + link.search)
  }
  addEventListener('popstate', onPop)
  addEventListener('click', onClick)
  return () => {
    removeEventListener('popstate', onPop)
    removeEventListener('click', onClick)
  }
}
