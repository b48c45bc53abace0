"""What the room does when something happened elsewhere: queue what was analysed, end leases, show alerts, print.

Each may run twice for one event and does its work once.
"""

from __future__ import annotations

from server.base.eventlog import Event
from server.base.spine import Reaction
from server.reading import service, signing
from server.reading.service import Reading

ALERT_KINDS = frozenset(
    f"alert.{state}"
    for state in (
        "raised", "notified", "seen", "acknowledged", "acting", "closed", "refuted", "expired", "superseded",
    )
)  # fmt: skip


def reactions(room: Reading) -> tuple[Reaction, ...]:
    async def queue(event: Event) -> None:
        await service.enqueue(room, event.subject)

    async def alert(event: Event) -> None:
        await service.note_alert(room, event)

    async def lease_ended(event: Event) -> None:
        await service.end_leases(room, event.subject)

    async def print_report(event: Event) -> None:
        await signing.print_signed(room, str(event.body["report"]))

    return (
        Reaction("reading.queue", frozenset({"recording.analysed"}), queue),
        Reaction("reading.alert", ALERT_KINDS, alert),
        Reaction("reading.lease", frozenset({f"timer.{service.LEASE_TIMER}"}), lease_ended),
        Reaction("reading.print", frozenset({"report.signed", "report.amended"}), print_report),
    )
