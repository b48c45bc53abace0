"""Use cases of the worklist: what waits, who holds it, giving it back, returning it to the clinic.

A claim is a lease with an end, kept by a durable timer (`reading.lease`), so a reader who walks away blocks nobody for
long. A critical recording may be held by two. Reports are `signing.py`'s business, priorities `priority.py`'s. Whom a
recording concerns is asked at its reading centre: a reader of another centre does not learn that it exists.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Protocol, TypeVar

import msgspec
from sqlalchemy import Connection, RowMapping

import ecg
from ecg import codes
from server.base import eventlog
from server.base.clock import Clock, iso, later
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import NotFound
from server.base.eventlog import Event
from server.base.prints import Prints
from server.reading import store
from server.reading.content import Measured
from server.reading.errors import ClaimedByOther, NotClaimed, UnknownLead
from server.reading.model import Claim, ReturnRecording, Worklist, WorklistQuery, WorklistRow
from server.reading.priority import CRITICAL, PRIORITIES, ROUTINE, URGENT, Promise, urgency_of
from server.records import store as records
from server.records.model import MachineSummary, Recording

R = TypeVar("R")
LEASE_TIMER = "reading.lease"
READERS_OF_CRITICAL_MAX = 2
RETURNED_DAYS = 7
"""How long a returned recording stands in the view `returned`."""
ALERT_ENDED = ("closed", "refuted", "superseded")


@dataclass(frozen=True)
class ReadingSettings:
    """lease_s: how long a claim lasts unless renewed. utc_offset_min: the day and the clock on paper (480: China)."""

    lease_s: int = 600
    promise: Promise = field(default_factory=Promise)
    utc_offset_min: int = 480

    def local(self, at: str) -> datetime:
        return datetime.fromisoformat(at).astimezone(timezone(timedelta(minutes=self.utc_offset_min)))

    def day_start(self, at: str) -> str:
        """The moment at which the local day of `at` began."""
        return iso(self.local(at).replace(hour=0, minute=0, second=0, microsecond=0))


class Heavy(Protocol):
    """`pool.Pool.run`."""

    def __call__(self, function: Callable[..., R], /, *args: object) -> Awaitable[R]: ...


@dataclass(frozen=True)
class Reading:
    """The room.

    prints         printed reports, as long as there is room for them.
    hub_name       how the hub calls itself on paper, (zh, en).
    secret         the hub's key under which an account's signature of a digest is made, until the CA comes.
    load           the archived signal of a recording, for the printed trace.
    measured       what the machine measured, frozen into the report at signing; None when there is no analysis.
    run_heavy      runs a picklable function outside the event loop: the process pool.
    """

    db: Database
    clock: Clock
    prints: Prints
    secret: bytes
    load: Callable[[str], Awaitable[ecg.Recording]]
    measured: Callable[[str], Awaitable[Measured | None]]
    run_heavy: Heavy
    hub_name: tuple[str, str] = ("心联", "XinLian")
    settings: ReadingSettings = field(default_factory=ReadingSettings)


async def enqueue(room: Reading, recording_id: str) -> None:
    """Put an analysed recording into the worklist. Twice is once; without a machine's word a person reads alone."""

    def work(tx: Tx) -> None:
        row = records.recording_row(tx.conn, recording_id)
        if row["state"] != "analysed":
            return
        machine = msgspec.json.decode(row["machine"], type=MachineSummary) if row["machine"] else None
        urgency = urgency_of(
            grade=row["grade"],
            machine_grade=row["machine_grade"],
            emergency=row["urgency"] == "emergency",
            findings=machine.findings if machine else (),
            promise=room.settings.promise,
        )
        waiting_at = row["received_at"] or tx.now
        due_at = later(waiting_at, urgency.promise_s)
        store.add_row(
            tx.conn, recording=recording_id, org=row["org"], centre=centre_of(row), rank=urgency.rank,
            waiting_at=waiting_at, due_at=due_at, moved_at=tx.now,
        )  # fmt: skip
        body = {"priority": PRIORITIES[urgency.rank], "waiting_at": waiting_at, "due_at": due_at}
        records.move(tx, recording_id, "queue", "recording.queued", body)

    await room.db.write(work)


async def note_alert(room: Reading, event: Event) -> None:
    """An alert of a recording opened or moved: the row shows it."""
    state = event.body.get("state")
    recordings = [r for r in (event.body.get("recording"), event.body.get("joined")) if isinstance(r, str)]
    if recordings and isinstance(state, str):
        await room.db.write(lambda tx: store.put_alert(tx.conn, event.subject, recordings, state, event.id))


async def worklist(room: Reading, ctx: Ctx, query: WorklistQuery) -> Worklist:
    """One page of a view with all counts and the log's position, from one snapshot."""
    now = iso(room.clock.now())
    today = room.settings.day_start(now)
    returned_since = later(now, -RETURNED_DAYS * 86_400)

    def look(conn: Connection) -> Worklist:
        cursor = eventlog.last_id(conn)
        of = [centre for centre in store.centres(conn) if ctx.may("worklist.read", centre)]
        mine = store.held_by(conn, ctx.actor, now)
        signed_tats = store.tats(conn, of, "signed", today)
        counts = {
            "all": store.count_open(conn, of, ROUTINE),
            "urgent": store.count_open(conn, of, URGENT),
            "mine": len(mine),
            "returned": len(store.tats(conn, of, "returned", returned_since)),
            "signed_today": len(signed_tats),
        }
        match query.view:
            case "all":
                ids = store.open_page(conn, of, ROUTINE, query.offset, query.limit)
            case "urgent":
                ids = store.open_page(conn, of, URGENT, query.offset, query.limit)
            case "mine":
                ids = mine[query.offset : query.offset + query.limit]
            case "returned":
                ids = store.moved_page(conn, of, "returned", returned_since, query.offset, query.limit)
            case "signed_today":
                ids = store.moved_page(conn, of, "signed", today, query.offset, query.limit)
        known_tats = [tat for tat in signed_tats if tat is not None]
        median = statistics.median(known_tats) if known_tats else None
        return Worklist(rows_of(conn, ids, now), counts, counts[query.view], cursor, median)

    return await room.db.read(look)


async def worklist_row(room: Reading, ctx: Ctx, recording_id: str) -> WorklistRow:
    now = iso(room.clock.now())

    def look(conn: Connection) -> WorklistRow:
        for_reader(conn, ctx, recording_id)
        return row_of(conn, recording_id, now)

    return await room.db.read(look)


async def claim(room: Reading, ctx: Ctx, recording_id: str) -> WorklistRow:
    """Take a recording, or renew one's lease. Raises ClaimedByOther; a critical one may be held by two."""

    def work(tx: Tx) -> WorklistRow:
        row = for_reader(tx.conn, ctx, recording_id, "report.write")
        store.drop_ended(tx.conn, recording_id, tx.now)
        others = _others(tx, ctx, recording_id)
        listed = store.row(tx.conn, recording_id)
        together = READERS_OF_CRITICAL_MAX if listed is not None and listed["rank"] == CRITICAL else 1
        if len(others) >= together:
            raise ClaimedByOther(name=others[0]["name"], until_at=others[0]["until_at"])
        until_at = later(tx.now, room.settings.lease_s)
        first = not others or row["reader"] == ctx.actor
        records.move(
            tx, recording_id, "claim", "recording.claimed",
            {"reader": ctx.actor, "until_at": until_at, "second": not first}, actor=ctx.actor,
            **({"reader": ctx.actor, "reader_name": ctx.name} if first else {}),
        )  # fmt: skip
        store.put_lease(tx.conn, recording_id, ctx.actor, ctx.name, until_at, int(not first))
        _watch_leases(tx, row)
        return row_of(tx.conn, recording_id, tx.now)

    return await room.db.write(work, actor=ctx.actor)


async def release(room: Reading, ctx: Ctx, recording_id: str) -> WorklistRow:
    """Give a recording back. Raises NotClaimed."""

    def work(tx: Tx) -> WorklistRow:
        row = for_reader(tx.conn, ctx, recording_id, "report.write")
        must_hold(tx, ctx, recording_id)
        store.drop_lease(tx.conn, recording_id, ctx.actor)
        _settle_leases(tx, row, why="given_back", actor=ctx.actor)
        return row_of(tx.conn, recording_id, tx.now)

    return await room.db.write(work, actor=ctx.actor)


async def end_leases(room: Reading, recording_id: str) -> None:
    """The timer rang: whoever did not renew has lost the recording; the list offers it again."""

    def work(tx: Tx) -> None:
        row = records.recording_row(tx.conn, recording_id)
        if row["state"] != "claimed":
            return
        store.drop_ended(tx.conn, recording_id, tx.now)
        _settle_leases(tx, row, why="expired", actor="system")

    await room.db.write(work)


async def send_back(room: Reading, ctx: Ctx, recording_id: str, body: ReturnRecording) -> Recording:
    """Ask the clinic to record again, with the reason and the leads it is about."""
    if unknown := next((lead for lead in body.leads if lead not in codes.leads()), None):
        raise UnknownLead(lead=unknown)

    def work(tx: Tx) -> Recording:
        for_reader(tx.conn, ctx, recording_id, "report.write")
        not_held_by_another(tx, ctx, recording_id)
        records.move(
            tx, recording_id, "return", "recording.returned", {"reason": body.reason, "leads": body.leads},
            actor=ctx.actor, return_reason=body.reason, returned_note=body.note,
            return_leads=msgspec.json.encode(body.leads).decode(), reader=ctx.actor, reader_name=ctx.name,
        )  # fmt: skip
        leads = msgspec.json.encode(body.leads).decode()
        close_row(tx, recording_id, "returned", returned_leads=leads)
        return records.view(tx.conn, recording_id)

    return await room.db.write(work, actor=ctx.actor)


# What the use cases share, signing.py too.


def centre_of(row: RowMapping) -> str:
    """Who reads this recording. One whose institution has no centre is read there, rather than by nobody."""
    centre: str = row["centre"] or row["org"]
    return centre


def for_reader(conn: Connection, ctx: Ctx, recording_id: str, rule: str = "worklist.read") -> RowMapping:
    """The bare recording, for somebody of its reading centre who may `rule`. Raises NotFound, Forbidden."""
    row = records.recording_row(conn, recording_id)
    ctx.see("recording", "worklist.read", centre_of(row))
    ctx.require(rule, centre_of(row))
    return row


def must_hold(tx: Tx, ctx: Ctx, recording_id: str) -> None:
    """Raises NotClaimed unless this reader's lease runs."""
    held = store.leases(tx.conn, [recording_id], tx.now).get(recording_id, [])
    if all(lease["reader"] != ctx.actor for lease in held):
        raise NotClaimed


def not_held_by_another(tx: Tx, ctx: Ctx, recording_id: str) -> None:
    """Raises ClaimedByOther when somebody else's lease runs and this reader has none beside it."""
    held = store.leases(tx.conn, [recording_id], tx.now).get(recording_id, [])
    if held and all(lease["reader"] != ctx.actor for lease in held):
        raise ClaimedByOther(name=held[0]["name"], until_at=held[0]["until_at"])


def close_row(
    tx: Tx, recording_id: str, place: store.Place, *, tat_s: float | None = None, returned_leads: str = "[]"
) -> None:
    """Take a row off the open list and end its leases."""
    store.move_row(tx.conn, recording_id, place, moved_at=tx.now, tat_s=tat_s, returned_leads=returned_leads)
    store.drop_leases(tx.conn, recording_id)
    tx.cancel_timers(recording_id, LEASE_TIMER)


def row_of(conn: Connection, recording_id: str, now: str) -> WorklistRow:
    rows = rows_of(conn, [recording_id], now)
    if not rows:
        raise NotFound(kind="recording")
    return rows[0]


def rows_of(conn: Connection, ids: Sequence[str], now: str) -> list[WorklistRow]:
    """Rows in the order of `ids`: one query for each part, whatever their number."""
    views = records.views(conn, ids)
    rows = store.rows(conn, ids)
    leases = store.leases(conn, ids, now)
    alerts = store.open_alerts(conn, ids, ALERT_ENDED)
    return [_row(views[i], rows[i], leases.get(i, []), alerts.get(i)) for i in ids if i in rows]


def _row(view: Recording, row: RowMapping, leases: Sequence[RowMapping], alert: RowMapping | None) -> WorklistRow:
    claims = [Claim(lease["reader"], lease["name"], lease["until_at"]) for lease in leases]
    return WorklistRow(
        recording=view.id,
        state=view.state,
        priority=PRIORITIES[row["rank"]],
        waiting_at=row["waiting_at"],
        due_at=row["due_at"],
        org=view.org,
        org_name=view.org_name,
        patient=view.patient,
        symptoms=view.symptoms,
        urgency=view.urgency,
        grade=view.grade,
        machine_grade=view.machine_grade,
        machine=view.machine,
        claim=claims[0] if claims else None,
        alert=alert["alert"] if alert else None,
        alert_state=alert["state"] if alert else None,
        second=claims[1] if len(claims) > 1 else None,
    )


def _others(tx: Tx, ctx: Ctx, recording_id: str) -> list[RowMapping]:
    held = store.leases(tx.conn, [recording_id], tx.now).get(recording_id, [])
    return [lease for lease in held if lease["reader"] != ctx.actor]


def _settle_leases(tx: Tx, row: RowMapping, *, why: str, actor: str) -> None:
    """After leases ended: back to the list, or to the one who still holds it."""
    left = store.leases(tx.conn, [row["id"]], tx.now).get(row["id"], [])
    if left:
        store.put_lease(tx.conn, row["id"], left[0]["reader"], left[0]["name"], left[0]["until_at"], 0)
        records.move(
            tx, row["id"], "claim", "recording.claimed",
            {"reader": left[0]["reader"], "until_at": left[0]["until_at"], "second": False}, actor=actor,
            reader=left[0]["reader"], reader_name=left[0]["name"],
        )  # fmt: skip
    else:
        records.move(
            tx, row["id"], "release", "recording.released", {"why": why}, actor=actor, reader=None, reader_name=None
        )
    _watch_leases(tx, row)


def _watch_leases(tx: Tx, row: RowMapping) -> None:
    """One timer a recording, at the end of the lease that ends first."""
    tx.cancel_timers(row["id"], LEASE_TIMER)
    if held := store.leases(tx.conn, [row["id"]], tx.now).get(row["id"]):
        tx.set_timer(min(lease["until_at"] for lease in held), LEASE_TIMER, row["id"], row["org"], {})
