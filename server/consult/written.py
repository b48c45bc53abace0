"""离线会诊: answered in writing and by drawing on the ECG within a day, without an appointment (CONS-20).

It is asked for, routed, signed and followed up as any other. Here: its deadline, who is reminded, and who hears when it
passes. All of it runs in the transaction of a use case or a reaction.
"""

from __future__ import annotations

from sqlalchemy import RowMapping

from server.base.clock import later
from server.base.database import Tx
from server.consult import store
from server.consult.access import tell
from server.consult.errors import AnsweredInWriting, EmergencyInWriting
from server.consult.model import RequestConsult
from server.people import store as people

WRITTEN_S = 86_400
SOON_S = 4 * 3600
"""Before the deadline its expert is reminded."""
DUE_TIMER = "consult.written_due"
UNANSWERED = ("submitted", "returned", "accepted", "in_progress")


def check(new: RequestConsult) -> None:
    """Raises EmergencyInWriting, AnsweredInWriting."""
    if new.mode == "async" and new.priority == "emergency":
        raise EmergencyInWriting
    if new.mode == "async" and new.slot is not None:
        raise AnsweredInWriting


def begin(tx: Tx, row: RowMapping) -> None:
    """The clock runs from the request; that it goes back for papers does not stop it."""
    if row["answer_by"] is None:
        return
    for due_at, soon in ((later(row["answer_by"], -SOON_S), True), (row["answer_by"], False)):
        tx.set_timer(due_at, DUE_TIMER, row["id"], row["invitee_org"], {"soon": soon})


def due(tx: Tx, row: RowMapping, *, soon: bool) -> None:
    """Not answered yet: its expert is reminded, or both sides and the coordinator hear that it is late."""
    if row["state"] not in UNANSWERED:
        return
    asked = [t["account"] for t in store.turns(tx.conn, [row["id"]]).get(row["id"], []) if t["outcome"] == "waiting"]
    experts = asked if row["expert"] is None else [row["expert"]]
    kind, told = "consult.written_soon", experts
    if not soon:
        kind = "consult.written_late"
        tell(tx, row, kind, {"answer_by": row["answer_by"]})
        org = row["invitee_org"]
        above = people.holders(tx.conn, "coordinator", [org]) or people.holders(tx.conn, "general_duty", [org])
        told = list(dict.fromkeys((*experts, row["requester"], *above)))
    body = {"recording": row["recording"], "answer_by": row["answer_by"]}
    for account in told:
        tx.append(kind, row["id"], row["invitee_org"], body, topic=f"user:{account}")
