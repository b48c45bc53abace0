"""What the consultation room does when a time to answer, of a reminder or of a start has come. Each may run twice."""

from __future__ import annotations

from server.base.database import Tx
from server.base.eventlog import Event
from server.base.spine import Reaction
from server.consult import routing, schedule, store
from server.consult.films import EXPIRES
from server.consult.service import Consultations


def reactions(room: Consultations) -> tuple[Reaction, ...]:
    async def answer_due(event: Event) -> None:
        turn = event.body["turn"]
        assert isinstance(turn, int), "the timer consult.answer_due carries its turn"

        def work(tx: Tx) -> None:
            row = store.consult_row(tx.conn, event.subject)
            routing.time_out(tx, row, turn, room.answer_s(row["priority"]))

        await room.db.write(work)

    async def reminder_due(event: Event) -> None:
        await room.db.write(lambda tx: schedule.remind(tx, store.consult_row(tx.conn, event.subject), _at(event)))

    async def start_missed(event: Event) -> None:
        await room.db.write(lambda tx: schedule.miss(tx, store.consult_row(tx.conn, event.subject), _at(event)))

    async def film_expires(event: Event) -> None:
        if room.films is not None:
            await room.films.expire(event.subject)

    return (
        Reaction("consult.film_expires", frozenset({f"timer.{EXPIRES}"}), film_expires),
        Reaction("consult.answer_due", frozenset({f"timer.{routing.ANSWER_TIMER}"}), answer_due),
        Reaction("consult.remind", frozenset({f"timer.{schedule.REMINDER_TIMER}"}), reminder_due),
        Reaction("consult.miss", frozenset({f"timer.{schedule.MISSED_TIMER}"}), start_missed),
    )


def _at(event: Event) -> str:
    return str(event.body["at"])
