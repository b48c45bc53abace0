// What screens and rooms hand to the frame: the alarm banner above the content (it pushes, never covers), the note at
// the right of the footer, the tools at the left of the user menu.
import { signal } from '@preact/signals'
import type { ComponentType } from 'preact'

/** The alerts room puts its AlarmBanner here once; it renders nothing while nobody waits for an answer. */
export const bannerSlot = signal<ComponentType | null>(null)

/** Under it a call for help out of a consultation room. */
export const callSlot = signal<ComponentType | null>(null)

/** "27 项待读 · 2 秒前更新": the age of what the screen shows. */
export const footNote = signal<string>('')

/** Uploads and writes that wait for the link. */
export const queuedWrites = signal(0)
