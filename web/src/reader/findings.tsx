// What the machine says: tagged, outside the conclusion, each with its evidence and a tick box. Nothing here signs and
// nothing of it is written anywhere until the reader accepts it.
import type { Recording } from '../api/types.gen'
import { type EvidenceOf, showFinding, shownFinding, tagOf, type Viewer } from '../ecg'
import { t } from '../i18n/reader'
import { AutoTag } from '../ui'
import { statementWords } from '../worklist/statements'
import { machineWords } from '../worklist/words'
import { type Analysis, type AnalysisFinding, detailOf, evidenceLines, idOf } from './analysis'
import type { Loaded } from './casework'
import { Doubts } from './doubts'

export type FindingsProps = Readonly<{
  recording: Recording
  analysis: Loaded<Analysis | null>
  evidence: readonly EvidenceOf[]
  viewer: Viewer
  ticked: ReadonlySet<string>
  onTick: (id: string) => void
  readOnly: boolean
}>

export function Findings(p: FindingsProps) {
  return (
    <section class="rd-part">
      <h2 class="rd-part-head">
        <AutoTag />
        {t('findings')}
      </h2>
      <Rows {...p} />
    </section>
  )
}

function Rows(p: FindingsProps) {
  const active = shownFinding(p.viewer)
  if (p.analysis.kind === 'waiting')
    return <p class="dim f13">{machineWords(p.recording.machine, p.recording.state)}</p>
  const analysis = p.analysis.kind === 'here' ? p.analysis.value : null
  if (analysis === null) {
    const isEarly = p.recording.state === 'receiving' || p.recording.state === 'received'
    return <p class="dim f13">{t(isEarly ? 'findings.waiting' : 'findings.failed')}</p>
  }
  return (
    <>
      <Doubts analysis={analysis} />
      {analysis.findings.length === 0 && <p class="dim f13">{t('findings.none')}</p>}
      <List {...p} told={analysis} active={active} />
    </>
  )
}

function List(p: FindingsProps & { told: Analysis; active: string | null }) {
  const { told, active } = p
  const point = (id: string | null): void => {
    p.viewer.pointedFinding.value = id
  }
  return (
    <ul>
      {told.findings.map((finding, i) => {
        const id = idOf(i)
        const name = statementWords(finding.code)
        return (
          <li
            key={id}
            class={`rd-finding${active === id ? ' rd-finding-on' : ''}`}
            onPointerEnter={event => event.pointerType === 'mouse' && point(id)}
            onPointerLeave={() => point(null)}
          >
            <button
              type="button"
              class="rd-finding-show"
              aria-label={t('findings.show', { tag: tagOf(i), name })}
              aria-pressed={p.viewer.activeFinding.value === id}
              onClick={() => showFinding(p.viewer, p.viewer.activeFinding.value === id ? null : id, p.evidence)}
            >
              <span class="rd-finding-tag">{tagOf(i)}</span>
              <span class="rd-finding-name">{name}</span>
              <span class="rd-finding-detail">{detailOf(finding)}</span>
              {active === id && <Why finding={finding} told={told} />}
            </button>
            {!p.readOnly && (
              <input
                type="checkbox"
                class="rd-tick"
                checked={p.ticked.has(id)}
                aria-label={t('findings.tick', { name })}
                onChange={() => p.onTick(id)}
              />
            )}
          </li>
        )
      })}
    </ul>
  )
}

/** What the finding rests on, while it is looked at. */
const Why = ({ finding, told }: { finding: AnalysisFinding; told: Analysis }) => (
  <span class="rd-finding-why">{evidenceLines(finding, told).join(' · ')}</span>
)
