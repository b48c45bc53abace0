"""Which time a requester may have: a free slot, the one that is offered to him, the next place of a visiting clinic."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from server.base.clock import later, seconds_between
from server.base.database import Tx
from server.base.errors import NotFound, WrongState
from server.consult import routing
from server.consult import store as consults
from server.consult.access import name_of, tell
from server.consult.model import ChosenSlot
from server.consult.planning import bookings, store
from server.consult.planning.errors import ClinicFull, SlotTaken
from server.consult.planning.hours import Span, local_day, moment, span_of
from server.consult.planning.model import Slot, SlotsQuery
from server.consult.routing import TITLE_RANK, WANTED_RANK
from server.people import store as people


def offered(conn: Connection, asked: SlotsQuery, now: str, offset_min: int) -> list[Slot]:
    """The free times of everybody who keeps hours and of the visiting clinics, by specialty and title as a request is
    routed, in order of time."""
    today = local_day(now, offset_min)
    first = max(today, asked.from_day or today)
    orgs = {o.id: o.name for o in people.orgs(conn)}
    span = Span(max(now, moment(first, 0, offset_min)), moment(first, min(asked.days, 62) * 1440, offset_min))
    sitting = [c for c in store.clinics_between(conn, span) if c["state"] == "open" and c["from_at"] > now]
    experts = [asked.expert] if asked.expert else [*store.with_hours(conn), *(c["expert"] for c in sitting)]
    found: list[Slot] = []
    for account in dict.fromkeys(experts):
        person, org = people.account_row(conn, account), bookings.home(conn, account)
        if person is None or not person.active or org is None or (asked.org and org != asked.org):
            continue
        named = consults.specialties(conn, account)
        senior = TITLE_RANK.get(person.title, 0) >= WANTED_RANK[asked.title]
        if not asked.expert and (not senior or (named and asked.specialty not in named)):
            continue
        one = Slot(account, person.name, person.title, org, orgs[org], "", "", asked.specialty in named)
        found += [_at(one, slot) for slot in bookings.free_slots(conn, account, first, asked.days, now, offset_min)]
        places = [(next_free(conn, clinic), clinic) for clinic in sitting if clinic["expert"] == account]
        found += [_at(one, place, clinic) for place, clinic in places if place is not None]
    return sorted(found, key=lambda s: (s.from_at, not s.fits, s.expert))


def span(tx: Tx, row: RowMapping, said: ChosenSlot, offset_min: int) -> Span:
    """The time that was chosen, where it may be had. Raises SlotTaken, ClinicFull."""
    if said.clinic is not None:
        return _place(tx, row["id"], said.clinic, said.expert)
    _, offer = bookings.own(tx.conn, row["id"])
    if offer is not None and (offer["expert"], offer["from_at"]) == (said.expert, said.at):
        return Span(offer["from_at"], offer["to_at"])
    try:
        day = local_day(said.at, offset_min)
    except ValueError:
        raise SlotTaken(name=name_of(tx.conn, said.expert)) from None
    at_hand = bookings.free_slots(tx.conn, said.expert, day, 1, tx.now, offset_min)
    found = next((slot for slot in at_hand if slot.from_at == said.at), None)
    if found is None:
        raise SlotTaken(name=name_of(tx.conn, said.expert))
    return found


def hold(tx: Tx, row: RowMapping, said: ChosenSlot, answer_s: int, offset_min: int) -> None:
    """For a request that nobody has accepted yet: this expert is asked before all others, and his time is kept for it.

    Raises SlotTaken, ClinicFull; NotFound when he does not answer for the invited side; WrongState for an emergency,
    which rings everybody and waits for no slot.
    """
    if row["priority"] == "emergency":
        raise WrongState(event="book", state=row["state"])
    chosen = span(tx, row, said, offset_min)
    bookings.put(tx, row["id"], said.expert, chosen, "held", offset_min, clinic=said.clinic)
    if not routing.prefer(tx, row, said.expert, answer_s):
        raise NotFound(kind="expert")
    tell(tx, row, "consult.slot_held", {"at": chosen.from_at})


def next_free(conn: Connection, clinic: RowMapping, *, but: str | None = None) -> Span | None:
    """The place with the lowest number that nobody has. `but`: a consultation that gives up the one it has."""
    taken = {b["from_at"] for b in store.in_clinic(conn, clinic["id"]) if b["consult"] != but}
    for at in range(clinic["capacity"]):
        place = span_of(later(clinic["from_at"], 60 * at * clinic["minutes"]), clinic["minutes"])
        if place.from_at not in taken:
            return place
    return None


def number(clinic: RowMapping, from_at: str) -> int:
    """Of the place that begins then; the first is 1."""
    number_of: float = seconds_between(clinic["from_at"], from_at) / (60 * clinic["minutes"])
    return 1 + round(number_of)


def _place(tx: Tx, consult_id: str, clinic_id: str, expert: str) -> Span:
    clinic = store.clinic_row(tx.conn, clinic_id)
    place = next_free(tx.conn, clinic, but=consult_id)
    if clinic["state"] != "open" or place is None or place.from_at <= tx.now or clinic["expert"] != expert:
        raise ClinicFull(name=name_of(tx.conn, clinic["expert"]))
    return place


def _at(one: Slot, slot: Span, clinic: RowMapping | None = None) -> Slot:
    where = (None, None) if clinic is None else (clinic["id"], number(clinic, slot.from_at))
    return Slot(
        one.expert, one.name, one.title, one.org, one.org_name, slot.from_at, slot.to_at, one.fits, *where
    )  # fmt: skip
