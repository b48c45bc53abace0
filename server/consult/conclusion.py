"""The signed conclusion in the record of the side that asked: its paper, and who there has read it.

The signatures themselves are `service.py`'s, what they cover `signed.py`'s, how it looks on paper `paper.py`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from server.base import eventlog
from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.eventlog import Event
from server.base.prints import Prints
from server.base.spine import Reaction
from server.consult import paper, store
from server.consult.access import for_requester, tell, visible
from server.consult.model import CONSULT, Conclusion, ConclusionPdfQuery, Consult
from server.consult.paper import Lang
from server.consult.service import Consultations
from server.consult.views import again, whole
from server.people import store as people
from server.records import store as records


@dataclass(frozen=True)
class Printing:
    """The report's path of paper, handed in.

    prints     papers as long as there is room for them.
    run_heavy  runs a picklable function outside the event loop: the process pool.
    hub_name   how the hub calls itself on paper, (zh, en).
    local      a moment as the log writes it, in the hub's own time.
    """

    prints: Prints
    run_heavy: Callable[..., Awaitable[bytes]]
    hub_name: tuple[str, str]
    local: Callable[[str], datetime]


async def pdf(
    room: Consultations, printing: Printing, ctx: Ctx, consult_id: str, query: ConclusionPdfQuery
) -> tuple[bytes, str]:
    """One version's paper and its file name; every fetch is noted in the audit trail. It is no receipt."""

    def look(conn: Connection) -> tuple[RowMapping, int]:
        row = visible(conn, ctx, consult_id)
        return row, _version(conn, row, query.version)

    row, version = await room.db.read(look)
    raw = await _printed(room, printing, consult_id, version, query.lang)

    def note(tx: Tx) -> None:
        body: eventlog.Body = {"version": version, "lang": query.lang}
        # For the audit trail, not for the pages of the institution: nobody's list changes by it.
        tx.append("consult.printed", consult_id, row["requester_org"], body, topic="audit")

    await room.db.write(note, actor=ctx.actor)
    return raw, f"{consult_id}-v{version}.pdf"


async def acknowledge(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    """已阅: one of the side that asked says that he has read the last countersigned version. Twice is once.

    Raises NotTheRequester, WrongState.
    """

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "acknowledge")
        standing = _standing(whole(tx.conn, row))
        assert standing is not None, "both sides have signed in these states"
        if store.add_receipt(tx.conn, consult_id, standing.version, ctx.actor, tx.now):
            tell(tx, row, "consult.read", {"version": standing.version, "account": ctx.actor})
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def print_concluded(room: Consultations, printing: Printing, consult_id: str, version: int) -> None:
    """Make the Chinese paper of a countersigned version: from then on it stands in the record. Twice is once."""

    def look(conn: Connection) -> bool:
        one = _one(whole(conn, store.consult_row(conn, consult_id)), version)
        return one is not None and one.countersigned_at is not None and one.pdf_at is None

    if not await room.db.read(look):
        return
    await _printed(room, printing, consult_id, version, "zh")

    def work(tx: Tx) -> None:
        row = store.consult_row(tx.conn, consult_id)
        one = _one(whole(tx.conn, row), version)
        if one is None or one.pdf_at is not None:
            return
        store.update_conclusion(tx.conn, consult_id, version, pdf_at=tx.now)
        tell(tx, row, "consult.pdf_ready", {"version": version, "digest": one.digest})

    await room.db.write(work)


def reactions(room: Consultations, printing: Printing) -> tuple[Reaction, ...]:
    async def print_conclusion(event: Event) -> None:
        version = event.body.get("version")
        if isinstance(version, int):  # the log of before has countersignatures without one
            await print_concluded(room, printing, event.subject, version)

    return (Reaction("consult.print", frozenset({"consult.concluded"}), print_conclusion),)


async def _printed(room: Consultations, printing: Printing, consult_id: str, version: int, lang: Lang) -> bytes:
    """The PDF as it was kept, or rendered now; what only one side has signed is never kept. The name holds a
    fingerprint of all that is printed: when a newer version replaces this one, it is printed anew."""
    sheet = await room.db.read(lambda conn: _sheet(printing, conn, consult_id, version))
    name = f"{consult_id}-v{version}.{paper.fingerprint(sheet)}.{lang}.pdf"
    kept = sheet.countersigned_at is not None
    if kept and (known := await printing.prints.get(name)) is not None:
        return known
    raw = await printing.run_heavy(paper.render, sheet, lang)
    if kept:
        await printing.prints.keep(name, raw)
    return raw


def _sheet(printing: Printing, conn: Connection, consult_id: str, version: int) -> paper.Sheet:
    consult = whole(conn, store.consult_row(conn, consult_id))
    one, standing = _one(consult, version), _standing(consult)
    if one is None:
        raise NotFound(kind="conclusion")
    before = [v.version for v in _versions(consult) if v.version < version and v.countersigned_at is not None]
    orgs = {org.id: (org.name, org.name_en) for org in people.orgs(conn)}

    def titled(account: str) -> str:
        row = people.account_row(conn, account)
        return "" if row is None else str(row.title)

    return paper.sheet(
        consult=consult,
        conclusion=one,
        replaces_version=max(before, default=None),
        replaced_by_version=standing.version if standing is not None and standing.version > version else None,
        titled=titled,
        recording=records.view(conn, consult.recording),
        hub=printing.hub_name,
        asks=orgs[consult.requester_org],
        answers=orgs[consult.invitee_org],
        local=printing.local,
    )


def _versions(consult: Consult) -> list[Conclusion]:
    """The newest first."""
    return [] if consult.conclusion is None else [consult.conclusion, *consult.earlier_conclusions]


def _one(consult: Consult, version: int) -> Conclusion | None:
    return next((one for one in _versions(consult) if one.version == version), None)


def _standing(consult: Consult) -> Conclusion | None:
    """The last version that both sides have signed."""
    return next((one for one in _versions(consult) if one.countersigned_at is not None), None)


def _version(conn: Connection, row: RowMapping, asked: int) -> int:
    """The version that is meant by `asked` (0: the last). Raises NotFound."""
    signed = store.conclusions(conn, [row["id"]]).get(row["id"], [])
    found = [one["version"] for one in signed if asked in (0, one["version"])]
    if not found:
        raise NotFound(kind="conclusion")
    return int(found[0])
