"""What the consultation room does when a time to answer, of a reminder or of a start has come. Each may run twice."""

from __future__ import annotations

from server.base.database import Tx
from server.base.eventlog import Event
from server.base.spine import Reaction
from server.consult import routing, store
from server.consult.films.service import EXPIRES
from server.consult.planning import bookings, times
from server.consult.service import Consultations
from server.consult.sittings import seating


def reactions(room: Consultations) -> tuple[Reaction, ...]:
    async def answer_due(event: Event) -> None:
        turn = event.body["turn"]
        assert isinstance(turn, int), "the timer consult.answer_due carries its turn"

        def work(tx: Tx) -> None:
            row = store.consult_row(tx.conn, event.subject)
            routing.time_out(tx, row, turn, room.answer_s(row["priority"]))
            bookings.settle_hold(tx, row, room.settings.utc_offset_min)

        await room.db.write(work)

    async def reminder_due(event: Event) -> None:
        before_s = event.body.get("before_s", times.REMIND_S[-1])
        assert isinstance(before_s, int), "the timer consult.reminder_due says how long before"
        await room.db.write(
            lambda tx: times.remind(tx, store.consult_row(tx.conn, event.subject), _at(event), before_s)
        )

    async def start_missed(event: Event) -> None:
        await room.db.write(lambda tx: times.miss(tx, store.consult_row(tx.conn, event.subject), _at(event)))

    async def offer_due(event: Event) -> None:
        def work(tx: Tx) -> None:
            row = store.consult_row(tx.conn, event.subject)
            bookings.offer_due(tx, row, _at(event), room.settings.utc_offset_min)

        await room.db.write(work)

    async def sitting_due(event: Event) -> None:
        consult_id, _, number = event.subject.partition("/")
        before_s = event.body["before_s"]
        assert isinstance(before_s, int), "the timer consult.sitting_due says how long before"
        await room.db.write(lambda tx: seating.remind(tx, consult_id, int(number), _at(event), before_s))

    async def film_expires(event: Event) -> None:
        if room.films is not None:
            await room.films.expire(event.subject)

    return (
        Reaction("consult.film_expires", frozenset({f"timer.{EXPIRES}"}), film_expires),
        Reaction("consult.answer_due", frozenset({f"timer.{routing.ANSWER_TIMER}"}), answer_due),
        Reaction("consult.remind", frozenset({f"timer.{times.REMINDER_TIMER}"}), reminder_due),
        Reaction("consult.miss", frozenset({f"timer.{times.MISSED_TIMER}"}), start_missed),
        Reaction("consult.sitting", frozenset({f"timer.{seating.REMINDER_TIMER}"}), sitting_due),
        Reaction("consult.offer", frozenset({f"timer.{bookings.OFFER_TIMER}"}), offer_due),
    )


def _at(event: Event) -> str:
    return str(event.body["at"])
