"""What the consultation room does when the time to answer has passed. Runs again harmlessly: a turn ends once."""

from __future__ import annotations

from server.base.database import Tx
from server.base.eventlog import Event
from server.base.spine import Reaction
from server.consult import routing, store
from server.consult.service import Consultations


def reactions(room: Consultations) -> tuple[Reaction, ...]:
    async def answer_due(event: Event) -> None:
        turn = event.body["turn"]
        assert isinstance(turn, int), "the timer consult.answer_due carries its turn"

        def work(tx: Tx) -> None:
            row = store.consult_row(tx.conn, event.subject)
            routing.time_out(tx, row, turn, room.answer_s(row["priority"]))

        await room.db.write(work)

    return (Reaction("consult.answer_due", frozenset({f"timer.{routing.ANSWER_TIMER}"}), answer_due),)
