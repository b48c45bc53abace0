"""Whose time is whose: free slots, bookings that cannot be doubled, and the waiting list that takes what is freed.

All of it runs inside the transaction of a use case or a reaction: the one writer makes two bookings at once into one
after the other, and the second is refused. An expert's time is taken by bookings of any kind (`held` until he accepts,
`offered` to who waits, `booked`), by his visiting clinics as a whole, and by sittings he is asked to.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from server.base.clock import later, seconds_between
from server.base.database import Tx
from server.base.ids import new_id
from server.consult import store as consults
from server.consult.access import name_of, tell
from server.consult.planning import store, times
from server.consult.planning.errors import SlotTaken
from server.consult.planning.hours import (
    DAY_MIN,
    Span,
    Stretch,
    days_from,
    free,
    local_day,
    moment,
    open_stretches,
    slots_of,
    span_of,
    weekday,
)
from server.consult.routing import ANSWERERS
from server.consult.sittings import store as sittings
from server.people import store as people

OFFER_TIMER = "consult.offer_due"
OFFER_S = 7200
"""How long a freed slot is kept for the first who waits; less when it begins soon."""
OFFER_ENDS_BEFORE_S = 600
DAYS_MAX = 62
"""How far ahead slots are offered."""
SLOT_MIN = 30
"""Of an expert who has said nothing."""
WAIT_STATES = ("accepted", "scheduled", "no_show")


@dataclass(frozen=True)
class Diary:
    """What one expert has said of his hours, read once for as many days as are asked for."""

    slot_min: int
    notice_min: int
    weekly: dict[int, list[Stretch]]
    off: dict[str, list[Stretch]]
    extra: dict[str, list[Stretch]]
    holidays: dict[str, str]

    def open(self, day: str) -> list[Stretch]:
        weekly = self.weekly.get(weekday(day), [])
        return open_stretches(weekly, self.off.get(day, []), self.extra.get(day, []), holiday=day in self.holidays)


def home(conn: Connection, account: str) -> str | None:
    """The institution for which somebody answers consultations; None: he does not."""
    return next((g.org for g in people.grants(conn, account) if g.role in ANSWERERS), None)


def diary(conn: Connection, account: str, from_day: str) -> Diary:
    row = store.calendar_row(conn, account)
    weekly: dict[int, list[Stretch]] = {}
    for one in store.weekly_of(conn, account):
        weekly.setdefault(one["weekday"], []).append(Stretch(one["from_min"], one["to_min"]))
    changed: dict[str, dict[str, list[Stretch]]] = {"off": {}, "extra": {}}
    for one in store.changes(conn, account, from_day):
        changed[one["kind"]].setdefault(one["day"], []).append(Stretch(one["from_min"], one["to_min"]))
    org = home(conn, account)
    return Diary(
        SLOT_MIN if row is None else row["slot_min"], 0 if row is None else row["notice_min"], weekly, changed["off"],
        changed["extra"], {} if org is None else store.holidays(conn, org),
    )  # fmt: skip


def busy(
    conn: Connection, expert: str, span: Span, *, but: str | None = None, but_clinic: str | None = None
) -> list[Span]:
    """What takes this expert's time. `but`, `but_clinic`: what does not stand in its own way."""
    booked = [b for b in store.bookings_between(conn, expert, span) if b["clinic"] is None and b["consult"] != but]
    clinics = [
        c for c in store.clinics_between(conn, span, expert) if c["state"] != "cancelled" and c["id"] != but_clinic
    ]
    sat = [s for s in sittings.planned_for(conn, expert, span.from_at, span.to_at) if s["consult"] != but]
    return [
        *(Span(one["from_at"], one["to_at"]) for one in (*booked, *clinics)),
        *(Span(s["at"], s["until"]) for s in sat),
    ]


def free_slots(conn: Connection, expert: str, from_day: str, days: int, now: str, offset_min: int) -> list[Span]:
    said = diary(conn, expert, from_day)
    asked = days_from(from_day, min(days, DAYS_MAX))
    slots = [s for day in asked for s in slots_of(day, said.open(day), said.slot_min, offset_min)]
    if not slots:
        return []
    taken = busy(conn, expert, Span(slots[0].from_at, max(s.to_at for s in slots)))
    return free(slots, taken, later(now, max(60 * said.notice_min, 1)))


def length_min(conn: Connection, expert: str) -> int:
    row = store.calendar_row(conn, expert)
    return SLOT_MIN if row is None else int(row["slot_min"])


def own(conn: Connection, consult_id: str) -> tuple[RowMapping | None, RowMapping | None]:
    """The booking of a consultation (held or booked), and what is offered to it."""
    rows = store.bookings_of(conn, consult_id)
    at_hand = next((b for b in rows if b["kind"] != "offered"), None)
    return at_hand, next((b for b in rows if b["kind"] == "offered"), None)


def need_free(
    conn: Connection, expert: str, span: Span, *, but: str | None = None, but_clinic: str | None = None
) -> None:
    """Raises SlotTaken."""
    if busy(conn, expert, span, but=but, but_clinic=but_clinic):
        raise SlotTaken(name=name_of(conn, expert))


def put(tx: Tx, consult_id: str, expert: str, span: Span, kind: str, offset_min: int, *, clinic: str | None) -> None:
    """The consultation's one booking from now on; what it had before is free for who waits. Raises SlotTaken.

    A place of a clinic is the clinic's to give (`clinics.next_place`), any other time must be free.
    """
    freed = _drop(tx, consult_id, ("held", "offered", "booked"))
    if clinic is None:
        need_free(tx.conn, expert, span, but=consult_id)
    store.add_booking(
        tx.conn, id=new_id("bkg"), consult=consult_id, expert=expert, from_at=span.from_at, to_at=span.to_at, kind=kind,
        until=None, clinic=clinic, made_at=tx.now, late_min=0,
    )  # fmt: skip
    if kind == "booked":
        store.leave_waiting(tx.conn, consult_id)
    for one in freed:
        serve(tx, one, offset_min)


def accepted(tx: Tx, row: RowMapping, offset_min: int) -> None:
    """The expert who has just accepted was chosen with a time: it is set. A hold on a colleague's time is freed."""
    held, _ = own(tx.conn, row["id"])
    if held is None:
        return
    if held["expert"] == row["expert"] and held["from_at"] > tx.now:
        store.update_booking(tx.conn, held["id"], kind="booked")
        times.fix(tx, row, held["from_at"], "schedule")
    else:
        free_hold(tx, row, offset_min)


def settle_hold(tx: Tx, row: RowMapping, offset_min: int) -> None:
    """His time to answer is over, by his no or by silence: what was held for him is free."""
    held, _ = own(tx.conn, row["id"])
    turns = consults.turns(tx.conn, [row["id"]]).get(row["id"], [])
    waits = {t["account"] for t in turns if t["outcome"] == "waiting"}
    if held is not None and held["kind"] == "held" and held["expert"] not in waits:
        free_hold(tx, row, offset_min)


def free_hold(tx: Tx, row: RowMapping, offset_min: int) -> None:
    tell(tx, row, "consult.slot_freed", {})
    for one in _drop(tx, row["id"], ("held",)):
        serve(tx, one, offset_min)


def release(tx: Tx, row: RowMapping, offset_min: int) -> None:
    """It has ended or was cancelled: whatever it holds of the time to come is free. What has begun stays in the
    calendar."""
    store.leave_waiting(tx.conn, row["id"])
    times.forget(tx, row)
    tx.cancel_timers(row["id"], OFFER_TIMER)
    for one in _drop(tx, row["id"], ("held", "offered", "booked"), from_now=True):
        serve(tx, one, offset_min)


def give_back(tx: Tx, row: RowMapping) -> None:
    """Its time is gone, not the case: by no wish of the requester's, so he waits from when he booked. Serve then."""
    booked, _ = own(tx.conn, row["id"])
    times.take_back(tx, row)
    _drop(tx, row["id"], ("booked",))
    wait(tx, row, tx.now if booked is None else booked["made_at"], "", "")


def close_time(tx: Tx, expert: str, span: Span, offset_min: int) -> None:
    """He cannot then: it is offered to nobody any more. What lies beyond the day's end is left as it is."""
    day = local_day(span.from_at, offset_min)
    from_min = round(seconds_between(moment(day, 0, offset_min), span.from_at) / 60)
    to_min = min(DAY_MIN, from_min + round(seconds_between(span.from_at, span.to_at) / 60))
    store.add_change(
        tx.conn, id=new_id("dch"), account=expert, day=day, kind="off", from_min=from_min, to_min=to_min, reason=""
    )


def wait(tx: Tx, row: RowMapping, since: str, from_day: str, to_day: str) -> None:
    store.join_waiting(tx.conn, row["id"], expert=row["expert"], since=since, from_day=from_day, to_day=to_day)
    now = consults.consult_row(tx.conn, row["id"])
    tell(tx, now, "consult.waiting_joined", {})


def serve(tx: Tx, expert: str, offset_min: int) -> None:
    """Offer this expert's free slots to those who wait for him, in their order, each the earliest that fits him."""
    today = local_day(tx.now, offset_min)
    for entry in store.waiting_for(tx.conn, expert):
        row = consults.consult_row(tx.conn, entry["consult"])
        if row["state"] not in WAIT_STATES or row["expert"] != expert:
            store.leave_waiting(tx.conn, row["id"])
            continue
        if own(tx.conn, row["id"])[1] is None:
            _offer(tx, row, entry, today, offset_min)


def let_pass(tx: Tx, row: RowMapping, outcome: str, offset_min: int) -> None:
    """Who waits does not take what is offered: the next is asked, he keeps his place."""
    _, offer = own(tx.conn, row["id"])
    if offer is None:
        return
    store.let_pass(tx.conn, row["id"], offer["expert"], offer["from_at"])
    _drop(tx, row["id"], ("offered",))
    tell(tx, row, "consult.offer_passed", {"outcome": outcome})
    serve(tx, offer["expert"], offset_min)


def offer_due(tx: Tx, row: RowMapping, at: str, offset_min: int) -> None:
    """The time to take an offer has passed. Does nothing when it was taken, or when this ran before."""
    _, offer = own(tx.conn, row["id"])
    if offer is not None and offer["from_at"] == at and offer["until"] <= tx.now:
        let_pass(tx, row, "timed_out", offset_min)


def _offer(tx: Tx, row: RowMapping, entry: RowMapping, today: str, offset_min: int) -> None:
    first = max(today, entry["from_day"])
    sooner_than = row["scheduled_at"] if row["state"] == "scheduled" else None
    refused = store.passed_by(tx.conn, row["id"], entry["expert"])
    for slot in free_slots(tx.conn, entry["expert"], first, DAYS_MAX, tx.now, offset_min):
        if entry["to_day"] and slot.from_at >= moment(entry["to_day"], 24 * 60, offset_min):
            return
        until = min(later(tx.now, OFFER_S), later(slot.from_at, -OFFER_ENDS_BEFORE_S))
        if slot.from_at in refused or until <= tx.now:
            continue
        if sooner_than is not None and slot.from_at >= sooner_than:
            return
        store.add_booking(
            tx.conn, id=new_id("bkg"), consult=row["id"], expert=entry["expert"], from_at=slot.from_at,
            to_at=slot.to_at, kind="offered", until=until, clinic=None, made_at=tx.now, late_min=0,
        )  # fmt: skip
        tx.cancel_timers(row["id"], OFFER_TIMER)
        tx.set_timer(until, OFFER_TIMER, row["id"], row["requester_org"], {"at": slot.from_at})
        tell(tx, row, "consult.slot_offered", {"at": slot.from_at, "until": until})
        body = {"recording": row["recording"], "at": slot.from_at, "until": until}
        tx.append("consult.slot_offered", row["id"], row["requester_org"], body, topic=f"user:{row['requester']}")
        return


def _drop(tx: Tx, consult_id: str, kinds: tuple[str, ...], *, from_now: bool = False) -> list[str]:
    """The experts whose time is free now."""
    freed = []
    for one in store.bookings_of(tx.conn, consult_id):
        if one["kind"] in kinds and not (from_now and one["from_at"] <= tx.now):
            store.drop_booking(tx.conn, one["id"])
            freed.append(one["expert"])
    return list(dict.fromkeys(freed))


def booked_span(conn: Connection, expert: str, at: str) -> Span:
    return span_of(at, length_min(conn, expert))
