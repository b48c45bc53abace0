"""The sittings of a case: planned, opened, seats changed, closed, minutes written. One function a use case."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from server.base.clock import later
from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.consult import papers
from server.consult import store as consults
from server.consult.access import for_chair, name_of, tell, visible
from server.consult.model import CONSULT, OPEN_STATES
from server.consult.planning import bookings, times
from server.consult.planning.hours import Span
from server.consult.service import Consultations
from server.consult.sittings import seating, store
from server.consult.sittings.errors import NoVoice, SittingOpen, SittingUnsound
from server.consult.sittings.model import (
    SITTING,
    CloseSitting,
    Minutes,
    NewMinutes,
    PlanSitting,
    Seat,
    SeatView,
    Sitting,
    SittingRole,
    Sittings,
)
from server.people import store as people
from server.records import store as records

SEATS_MAX = 64
MINUTES = (5, 480)
ROLE_ORDER: tuple[SittingRole, ...] = ("chair", "presenter", "expert", "scribe", "observer")


async def sittings(room: Consultations, ctx: Ctx, consult_id: str) -> Sittings:
    return await room.db.read(lambda conn: _all(conn, ctx, visible(conn, ctx, consult_id)))


async def plan(
    room: Consultations, ctx: Ctx, consult_id: str, said: PlanSitting, number: int | None = None
) -> Sittings:
    """A further sitting, or another agenda, time or seats of one that has not begun. Everybody with a seat hears of it.

    Raises SittingUnsound, NotTheExpert; NotFound for an account that does not work here.
    """
    papers.need("agenda", said.agenda, papers.LONG_MAX)
    papers.check_wanted(said.at)
    _check(said)

    def work(tx: Tx) -> Sittings:
        row = for_chair(tx.conn, ctx, consult_id)
        _goes_on(row)
        if said.at is not None and said.at <= tx.now:
            raise SittingUnsound(reason="its time lies in the past")
        until = None if said.at is None else later(said.at, 60 * said.minutes)
        what = {"agenda": said.agenda.strip(), "at": said.at, "until": until, "minutes": said.minutes}
        if number is None:
            at_hand = store.add_sitting(tx.conn, consult_id, state=SITTING.start, **what)
        else:
            SITTING.move(store.sitting_row(tx.conn, consult_id, number)["state"], "plan")
            at_hand = number
            store.update_sitting(tx.conn, consult_id, number, **what)
        _seat(tx, row, at_hand, said.seats)
        seating.expect(tx, row, at_hand, said.at)
        tell(tx, row, "sitting.planned", {"number": at_hand, "at": said.at})
        seated = {s["account"] for s in store.seats(tx.conn, consult_id, at_hand)}
        times.tell_members(tx, row, "sitting.planned", {"number": at_hand, "at": said.at}, only=seated)
        return _all(tx.conn, ctx, row)

    return await room.db.write(work, actor=ctx.actor)


async def cancel(room: Consultations, ctx: Ctx, consult_id: str, number: int) -> Sittings:
    def work(tx: Tx) -> Sittings:
        row = for_chair(tx.conn, ctx, consult_id)
        target = SITTING.move(store.sitting_row(tx.conn, consult_id, number)["state"], "cancel")
        store.update_sitting(tx.conn, consult_id, number, state=target)
        seating.expect(tx, row, number, None)
        tell(tx, row, "sitting.cancelled", {"number": number})
        seated = {s["account"] for s in store.seats(tx.conn, consult_id, number)}
        times.tell_members(tx, row, "sitting.cancelled", {"number": number}, only=seated)
        return _all(tx.conn, ctx, row)

    return await room.db.write(work, actor=ctx.actor)


async def begin(room: Consultations, ctx: Ctx, consult_id: str, number: int) -> Sittings:
    """From now on the room follows its seats, and who enters has come. Raises SittingOpen while another one is."""
    present = room.rooms.present(consult_id)

    def work(tx: Tx) -> Sittings:
        row = for_chair(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "enter")
        if (other := store.open_one(tx.conn, consult_id)) is not None:
            raise SittingOpen(number=other["number"])
        target = SITTING.move(store.sitting_row(tx.conn, consult_id, number)["state"], "open")
        store.update_sitting(tx.conn, consult_id, number, state=target, opened_at=tx.now)
        seating.expect(tx, row, number, None)
        for account in sorted(present):
            seating.enter(tx, row, account)
        tell(tx, row, "sitting.opened", {"number": number})
        return _all(tx.conn, ctx, row)

    found = await room.db.write(work, actor=ctx.actor)
    await _retell(room, consult_id)
    return found


async def reseat(room: Consultations, ctx: Ctx, consult_id: str, number: int, seat: Seat) -> Sittings:
    """Another seat for somebody while it is open: his rights in the room change at once. Raises SittingUnsound."""

    def work(tx: Tx) -> Sittings:
        row = for_chair(tx.conn, ctx, consult_id)
        SITTING.move(store.sitting_row(tx.conn, consult_id, number)["state"], "seat")
        seats = {s["account"]: s["role"] for s in store.seats(tx.conn, consult_id, number)}
        if seat.role in ("presenter", "scribe"):  # there is one of each: who had it is an expert or observer again
            for account, role in seats.items():
                if role == seat.role:
                    part = consults.roles(tx.conn, consult_id).get(account)
                    seats[account] = "expert" if part in ("expert", "host") else "observer"
        seats[seat.account] = seat.role
        _seat(tx, row, number, [Seat(account, role) for account, role in seats.items()])
        tell(tx, row, "sitting.seated", {"number": number, "account": seat.account, "role": seat.role})
        return _all(tx.conn, ctx, row)

    found = await room.db.write(work, actor=ctx.actor)
    await _retell(room, consult_id)
    return found


async def close(room: Consultations, ctx: Ctx, consult_id: str, number: int, said: CloseSitting) -> Sittings:
    """Attendance stands; the case goes on, by `interim` if there is one."""
    if said.interim:
        papers.need("interim", said.interim, papers.LONG_MAX)

    def work(tx: Tx) -> Sittings:
        row = for_chair(tx.conn, ctx, consult_id)
        target = SITTING.move(store.sitting_row(tx.conn, consult_id, number)["state"], "close")
        store.update_sitting(tx.conn, consult_id, number, state=target, closed_at=tx.now, interim=said.interim.strip())
        tell(tx, row, "sitting.closed", {"number": number, "interim": bool(said.interim.strip())})
        return _all(tx.conn, ctx, row)

    found = await room.db.write(work, actor=ctx.actor)
    await _retell(room, consult_id)
    return found


async def write_minutes(room: Consultations, ctx: Ctx, consult_id: str, number: int, said: NewMinutes) -> Sittings:
    """By the scribe or the chair; each time a new version. Raises NoVoice."""
    papers.need("minutes", said.text, 4 * papers.LONG_MAX)

    def work(tx: Tx) -> Sittings:
        row = visible(tx.conn, ctx, consult_id)
        _goes_on(row)
        SITTING.move(store.sitting_row(tx.conn, consult_id, number)["state"], "minute")
        mine = _mine(tx.conn, row, number, ctx.actor)
        if mine not in ("chair", "scribe"):
            raise NoVoice(role=mine)
        before = store.last_record(tx.conn, consult_id, number)
        version = 1 if before is None else before["version"] + 1
        store.add_record(
            tx.conn, consult=consult_id, number=number, version=version, text=said.text.strip(), by=ctx.actor,
            at=tx.now,
        )  # fmt: skip
        tell(tx, row, "sitting.minuted", {"number": number, "version": version})
        return _all(tx.conn, ctx, row)

    return await room.db.write(work, actor=ctx.actor)


def _check(said: PlanSitting) -> None:
    low, high = MINUTES
    if not low <= said.minutes <= high:
        raise SittingUnsound(reason=f"it takes {low} to {high} minutes")
    accounts, named = [s.account for s in said.seats], [s.role for s in said.seats]
    if len(accounts) > SEATS_MAX or len(set(accounts)) < len(accounts):
        raise SittingUnsound(reason=f"a seat for each person, at most {SEATS_MAX}")
    if any(named.count(role) > 1 for role in ("chair", "presenter", "scribe")):
        raise SittingUnsound(reason="one chair, one presenter, one scribe")


def _goes_on(row: RowMapping) -> None:
    """Raises WrongState when the case has ended or nobody has accepted it."""
    if row["state"] not in OPEN_STATES:
        CONSULT.move(row["state"], "enter")


def _seat(tx: Tx, row: RowMapping, number: int, asked: list[Seat]) -> None:
    inside = {m["account"]: m["part"] for m in consults.members(tx.conn, [row["id"]])[row["id"]]}
    usual = [
        Seat(account, "presenter" if account == row["requester"] else "expert" if part == "expert" else "observer")
        for account, part in inside.items()
    ]
    seats = {seat.account: seat.role for seat in asked or usual}
    if any(role == "chair" and account != row["expert"] for account, role in seats.items()):
        raise SittingUnsound(reason="the chair of the case is the chair of its sittings")
    seats[row["expert"]] = "chair"
    for account, role in seats.items():
        if account not in inside:
            _join(tx, row, account, role)
    store.set_seats(tx.conn, row["id"], number, seats.items())


def _join(tx: Tx, row: RowMapping, account: str, role: str) -> None:
    """Somebody who is not of the case yet. Who speaks in it as an expert must be one. Raises NotFound."""
    person = people.account_row(tx.conn, account)
    home = bookings.home(tx.conn, account)
    org = home or next((g.org for g in people.grants(tx.conn, account)), None)
    if person is None or not person.active or org is None or (role == "expert" and home is None):
        raise NotFound(kind="expert")
    consults.add_member(tx.conn, row["id"], account, org, "expert" if role == "expert" else "observer")
    records.admit(tx.conn, row["recording"], account, tx.now)
    tell(tx, row, "consult.invited", {"state": row["state"], "account": account})


def _mine(conn: Connection, row: RowMapping, number: int, account: str) -> str:
    if account == row["expert"]:
        return "chair"
    seats = store.seats(conn, row["id"], number)
    return next((str(s["role"]) for s in seats if s["account"] == account), "observer")


async def _retell(room: Consultations, consult_id: str) -> None:
    """The open room hears at once what everybody is in it from now on."""
    roles = await room.db.read(lambda conn: seating.roles(conn, consult_id))
    for account, role in roles.items():
        room.rooms.admit(consult_id, account, role)
    room.quiet(consult_id)
    told = room.rooms.told(consult_id)
    if told is not None and room.seats is not None:
        room.seats.whisper(f"consult:{consult_id}", told, None)


def _all(conn: Connection, ctx: Ctx, row: RowMapping) -> Sittings:
    goes_on = row["state"] in OPEN_STATES
    may_plan = ctx.actor == row["expert"] and goes_on
    return Sittings([_view(conn, ctx, row, one) for one in store.sittings(conn, row["id"])], may_plan)


def _view(conn: Connection, ctx: Ctx, row: RowMapping, one: RowMapping) -> Sitting:
    number = one["number"]
    seats = store.seats(conn, row["id"], number)
    record = store.last_record(conn, row["id"], number)
    signed = [o["account"] for o in consults.opinions(conn, [row["id"]]).get(row["id"], []) if o["sitting"] == number]
    names = people.names(conn, {*(s["account"] for s in seats), *signed, *([record["by"]] if record else [])})
    orgs = {o.id: o.name for o in people.orgs(conn)}
    homes = {m["account"]: orgs.get(m["org"], "") for m in consults.members(conn, [row["id"]])[row["id"]]}
    span = None if one["at"] is None or one["state"] != "planned" else Span(one["at"], one["until"])
    shown = [
        SeatView(
            s["account"], names.get(s["account"], ""), homes.get(s["account"], ""), s["role"], s["came_at"],
            span is not None and bool(bookings.busy(conn, s["account"], span, but=row["id"])),
        )
        for s in seats
    ]  # fmt: skip
    mine = _mine(conn, row, number, ctx.actor)
    goes_on = row["state"] in OPEN_STATES
    events = []
    for event in SITTING.allowed(one["state"]):
        writes = event == "minute" and mine in ("chair", "scribe")
        if goes_on and (ctx.actor == row["expert"] or writes):
            events.append(event)
    return Sitting(
        number, one["state"], one["agenda"], one["at"], one["minutes"], one["opened_at"], one["closed_at"],
        one["interim"], sorted(shown, key=lambda s: (ROLE_ORDER.index(s.role), s.name)),
        None if record is None else Minutes(
            record["text"], record["version"], name_of(conn, record["by"]), record["at"]
        ),
        [names.get(a, "") for a in dict.fromkeys(signed)], events,
    )  # fmt: skip
