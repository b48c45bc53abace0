// Text to be carried to a device: a command, or its key as the key file's text, shown once.
import { useState } from 'preact/hooks'
import type { DeviceKey } from '../api/types.gen'
import { t } from '../i18n/admin'
import { Button } from '../ui'
import { keyFile } from './register'
import './join.css'

export const KeyText = ({ made }: { made: DeviceKey }) => (
  <div class="join" data-testid="device-key">
    <p>
      <b>{t('dev.key.title')}</b>
    </p>
    <p>{t('dev.key.told')}</p>
    <Command text={keyFile(made)} />
  </div>
)

/** Text to be typed elsewhere, whole, with a button where the browser lets us copy (not on plain http). */
export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false)
  const clipboard = navigator.clipboard as Clipboard | undefined
  return (
    <div class="join-command">
      <code data-testid="join-command">
        {text.split(' ').map((word, i) => (
          // A line ends between arguments, never after the hyphens of one.
          <>
            {i > 0 && ' '}
            <span>{word}</span>
          </>
        ))}
      </code>
      {clipboard !== undefined && (
        <Button
          onClick={() =>
            void clipboard.writeText(text).then(
              () => setCopied(true),
              () => setCopied(false),
            )
          }
        >
          {t(copied ? 'dev.copied' : 'dev.copy')}
        </Button>
      )}
    </div>
  )
}
