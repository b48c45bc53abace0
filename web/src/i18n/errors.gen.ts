// Produced by ./run regen from the server's error classes. Do not edit.
export const ERRORS: Record<string, { zh: string; en: string }> = {}
