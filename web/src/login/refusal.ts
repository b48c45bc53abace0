// What stands under the password when signing in did not work.
import { ApiError } from '../api/client'
import { ERRORS } from '../i18n/errors.gen'
import { t } from '../i18n/login'

/** A wrong account and a wrong password are one sentence: nobody learns which accounts exist. */
export function refusalOf(error: unknown): string | null {
  if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) return null
  if (ERRORS[error.code] !== undefined) return error.sentence
  const left = ['tries_left', 'left'].map(name => error.facts[name]).find(n => typeof n === 'number')
  return typeof left === 'number' ? t('wrong.left', { n: left }) : t('wrong')
}
