// What the hub tells of a film of this room: asked for, under way, over. Everything shown is its word.
import { signal } from '@preact/signals'
import type { FilmNews } from '../api/types.gen'
import { subscribe } from '../live/live'

/** Only the hub's own whispers (`from` empty) are read; null for what is not whole. */
export function readFilm(from: string, body: unknown): FilmNews | null {
  if (from !== '' || typeof body !== 'object' || body === null || !('kind' in body) || body.kind !== 'film') return null
  const news = body as FilmNews
  const lists = [news.waits_for, news.carried, news.refused]
  return typeof news.film === 'string' && lists.every(Array.isArray) ? news : null
}

export type Film = ReturnType<typeof openFilm>

export function openFilm(topic: string) {
  const news = signal<FilmNews | null>(null)
  const heard = (from: string, body: unknown): void => {
    const told = readFilm(from, body)
    if (told !== null) news.value = told
  }
  const close = subscribe(topic, null, { whisper: heard })
  return { news, close }
}

export type Asked = 'agree' | 'door' | null

/** What this person is asked: before it begins, or at the door of a room that is filmed already. */
export function askedOf(news: FilmNews, me: string): Asked {
  if (news.state === 'asked') return news.waits_for.includes(me) ? 'agree' : null
  if (news.state !== 'filming' || news.carried.includes(me) || news.refused.includes(me)) return null
  return 'door'
}
