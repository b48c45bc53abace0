// Drafts kept on this computer under one key each, so that a reload or a lost link loses nothing typed.
const PREFIX = 'xinlian.draft.'

export function keptDraft(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key)
  } catch {
    return null // storage switched off: nothing is kept, everything else works
  }
}

export function keepDraft(key: string, text: string): void {
  try {
    if (text === '') localStorage.removeItem(PREFIX + key)
    else localStorage.setItem(PREFIX + key, text)
  } catch {
    // storage full or off: the text is still on the screen
  }
}

export const dropDraft = (key: string): void => keepDraft(key, '')
