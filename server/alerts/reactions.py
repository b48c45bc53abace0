"""What the alerts room does when a recording is analysed, queued or signed, and when a step of a ladder is due.

Each reaction may run twice for one event; none rings twice for it.
"""

from __future__ import annotations

from server.alerts import findings
from server.alerts.escalation import READER_RULE, STEP_TIMER, Alerts, climb, confirm, raise_in, roster
from server.alerts.ladder import persons
from server.alerts.model import CriticalFinding
from server.alerts.store import of_recording
from server.base import eventlog
from server.base.clock import later
from server.base.database import Tx
from server.base.eventlog import Event
from server.base.spine import Reaction
from server.records import store as records

WARNING_TIMER = "alert.warning_overdue"


def reactions(room: Alerts) -> tuple[Reaction, ...]:
    async def analysed(event: Event) -> None:
        await room.db.write(
            lambda tx: raise_in(room, tx, event.subject, room.critical_findings(tx.conn, event.subject))
        )

    async def step_due(event: Event) -> None:
        await room.db.write(lambda tx: climb(room, tx, event.subject, _step(event)))

    async def signed(event: Event) -> None:
        await room.db.write(lambda tx: _signed(room, tx, event))

    async def queued(event: Event) -> None:
        await room.db.write(lambda tx: _watch_warning(room, tx, event))

    async def warning_overdue(event: Event) -> None:
        await room.db.write(lambda tx: _page_warning(room, tx, event))

    return (
        Reaction("alerts.raise", frozenset({"recording.analysed"}), analysed),
        Reaction("alerts.climb", frozenset({f"timer.{STEP_TIMER}"}), step_due),
        Reaction("alerts.confirm", frozenset({"report.signed", "report.amended"}), signed),
        Reaction("alerts.watch_warning", frozenset({"recording.queued"}), queued),
        Reaction("alerts.warning_overdue", frozenset({f"timer.{WARNING_TIMER}"}), warning_overdue),
    )


def _step(event: Event) -> int:
    step = event.body["step"]
    assert isinstance(step, int), "the timer alert.step carries its step"
    return step


def _signed(room: Alerts, tx: Tx, event: Event) -> None:
    """Graded critical by a person: confirmed; and where no alert stands, his word raises one.

    A lower grade closes nothing: that the finding is none must be said (refute), so that those called are told.
    """
    row = records.recording_row(tx.conn, event.subject)
    if row["grade"] != "critical":
        return
    if all(alert["state"] == "refuted" for alert in of_recording(tx.conn, event.subject)):
        words = records.view(tx.conn, event.subject).impression
        text = "；".join(words)
        raise_in(
            room, tx, event.subject,
            [CriticalFinding(findings.code_in_words(words), READER_RULE, "", text, text, 0, row["samples"])],
        )  # fmt: skip
    confirm(room, tx, event.subject, event.actor)


def _watch_warning(room: Alerts, tx: Tx, event: Event) -> None:
    row = records.recording_row(tx.conn, event.subject)
    if row["machine_grade"] == "warning" and row["state"] == "waiting":
        tx.cancel_timers(event.subject, WARNING_TIMER)
        tx.set_timer(later(event.at, room.settings.warning_unread_s), WARNING_TIMER, event.subject, event.org, {})


def _page_warning(room: Alerts, tx: Tx, event: Event) -> None:
    """Nobody claimed a warning in time: its first line is told once. It is no alert: no ladder, no read-back."""
    row = records.recording_row(tx.conn, event.subject)
    told = any(e.kind == "page.warning" for e in eventlog.of_subjects(tx.conn, [event.subject]))
    if row["state"] != "waiting" or told:
        return
    for account in persons("first", roster(tx.conn, row["centre"], tx.now)):
        body = {"recording": event.subject, "grade": "warning"}
        tx.append("page.warning", event.subject, row["org"], body, topic=f"user:{account}")
