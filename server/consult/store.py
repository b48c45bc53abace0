"""Tables and queries of consultations: the case, its members, the versions of its conclusion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from server.base.errors import NotFound
from server.base.schema import metadata
from server.base.upsert import upsert
from server.consult.floor import Role
from server.consult.model import OPEN_STATES

consult = Table(
    "consult",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recording", Text, nullable=False),
    Column("alert", Text),
    Column("requester", Text, nullable=False),
    Column("requester_org", Text, nullable=False),
    Column("invitee_org", Text, nullable=False),
    Column("expert", Text),
    Column("purpose", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("consent", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_at", Text, nullable=False),
    Column("answered_at", Text),
    Column("reason", Text, nullable=False, default=""),
    Column("countersigned_by", Text),
    Column("countersigned_at", Text),
    Column("countersignature", Text),
    Column("specialty", Text, nullable=False, default="cardiology"),
    Column("expert_title", Text, nullable=False, default="any"),
    Column("wanted_at", Text),
    Column("disease", Text, nullable=False, default="other"),
    Column("returned_by", Text),
    Column("opinions_opened_at", Text),
    Column("scheduled_at", Text),
    Column("reminded_of", Text),
    Column("began_at", Text),
    Index("consult_recording", "recording"),
    Index("consult_requester", "requester_org", "state"),
    Index("consult_invitee", "invitee_org", "state"),
)

member = Table(
    "consult_member",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("part", Text, nullable=False),
    Index("consult_member_account", "account"),
)

conclusion = Table(
    # Signed texts, never changed: a correction is a new version, before the countersignature and after it. `content`
    # holds the signed bytes; rows of before 23 Nov 2026 have none, and their countersignature on the consultation.
    "consult_conclusion",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("signed_by", Text, nullable=False),
    Column("signed_at", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("content", Text, nullable=False, default=""),
    Column("countersigned_by", Text),
    Column("countersigned_at", Text),
    Column("countersignature", Text),
    Column("pdf_at", Text),
)

draft = Table(
    # The conclusion while it is filled, for both sides to see; gone when both have signed.
    "consult_draft",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("rev", Integer, nullable=False),
    Column("content", Text, nullable=False),
    Column("saved_by", Text, nullable=False),
    Column("saved_at", Text, nullable=False),
)

receipt = Table(
    # Who of the side that asked has read which countersigned version, and when first.
    "consult_receipt",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("at", Text, nullable=False),
)

document = Table(
    # 会前资料: never changed, a correction is a new version.
    "consult_document",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
)

consent = Table(
    "consult_consent",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("strokes", Text, nullable=False),
    Column("taken_by", Text, nullable=False),
    Column("at", Text, nullable=False),
)

turn = Table(
    # Whom a request has reached, why him, and what he made of it. A request sent again begins a new round.
    "consult_turn",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("round", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("due_at", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("outcome_at", Text),
    Column("reason", Text, nullable=False, default=""),
    Index("consult_turn_account", "account", "outcome"),
)

opinion = Table(
    # One expert's view. Signed texts, never changed: what he thinks after the others were opened is a new version.
    "consult_opinion",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("dissents", Boolean, nullable=False),
    Column("opened_before", Boolean, nullable=False),
    Column("signed_at", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("sitting", Integer),
)

skill = Table(
    "consult_specialty",
    metadata,
    Column("account", Text, primary_key=True),
    Column("specialty", Text, primary_key=True),
)


def add_consult(conn: Connection, **values: Any) -> None:
    conn.execute(insert(consult).values(**values))


def consult_row(conn: Connection, consult_id: str) -> RowMapping:
    """The bare row. Raises NotFound."""
    row = conn.execute(select(consult).where(consult.c.id == consult_id)).mappings().first()
    if row is None:
        raise NotFound(kind="consult")
    return row


def update_consult(conn: Connection, consult_id: str, **values: Any) -> None:
    conn.execute(update(consult).where(consult.c.id == consult_id).values(**values))


def add_member(conn: Connection, consult_id: str, account: str, org: str, part: str) -> None:
    """Who is in already keeps his part."""
    row = upsert(member).values(consult=consult_id, account=account, org=org, part=part)
    conn.execute(row.on_conflict_do_nothing())


def is_member(conn: Connection, consult_id: str, account: str) -> bool:
    query = select(member.c.part).where(member.c.consult == consult_id, member.c.account == account)
    return conn.execute(query).first() is not None


def roles(conn: Connection, consult_id: str) -> dict[str, Role]:
    """What each member is in the room: the expert who accepted is its host. Empty: there is no such consultation."""
    query = (
        select(member.c.account, member.c.part, consult.c.expert)
        .join(consult, consult.c.id == member.c.consult)
        .where(member.c.consult == consult_id)
    )
    return {account: "host" if account == expert else part for account, part, expert in conn.execute(query)}


def members(conn: Connection, consults: Iterable[str]) -> dict[str, list[RowMapping]]:
    """Requesters before experts before observers."""
    order = case((member.c.part == "requester", 0), (member.c.part == "expert", 1), else_=2)
    query = select(member).where(member.c.consult.in_(list(consults))).order_by(order, member.c.account)
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["consult"], []).append(row)
    return found


def consults_for(
    conn: Connection, orgs: Iterable[str], account: str, *, recording: str | None, only_open: bool, limit: int
) -> list[RowMapping]:
    """Consultations asked by or of one of `orgs`, or with `account` in them: emergencies first, then the newest."""
    own = select(member.c.consult).where(member.c.account == account)
    sides = list(orgs)
    query = select(consult).where(
        or_(consult.c.requester_org.in_(sides), consult.c.invitee_org.in_(sides), consult.c.id.in_(own))
    )
    if recording is not None:
        query = query.where(consult.c.recording == recording)
    if only_open:
        query = query.where(consult.c.state.in_(OPEN_STATES))
    urgency = case((consult.c.priority == "emergency", 0), else_=1)
    order = (urgency,) if only_open else ()
    query = query.order_by(*order, consult.c.requested_at.desc(), consult.c.id).limit(limit)
    return list(conn.execute(query).mappings())


def of_recording(conn: Connection, recording: str) -> list[RowMapping]:
    """Every consultation about a recording, oldest first."""
    query = select(consult).where(consult.c.recording == recording).order_by(consult.c.requested_at)
    return list(conn.execute(query).mappings())


def add_conclusion(conn: Connection, **values: Any) -> None:
    conn.execute(insert(conclusion).values(**values))


def conclusions(conn: Connection, consults: Iterable[str]) -> dict[str, list[RowMapping]]:
    """Every version of each, the newest first."""
    query = select(conclusion).where(conclusion.c.consult.in_(list(consults))).order_by(conclusion.c.version.desc())
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["consult"], []).append(row)
    return found


def update_conclusion(conn: Connection, consult_id: str, version: int, **values: Any) -> None:
    """Only what comes after the signature: the other side's, and when the paper was made."""
    here = (conclusion.c.consult == consult_id, conclusion.c.version == version)
    conn.execute(update(conclusion).where(*here).values(**values))


def draft_row(conn: Connection, consult_id: str) -> RowMapping | None:
    return conn.execute(select(draft).where(draft.c.consult == consult_id)).mappings().first()


def put_draft(conn: Connection, consult_id: str, **values: Any) -> None:
    row = upsert(draft).values(consult=consult_id, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["consult"], set_=values))


def drop_draft(conn: Connection, consult_id: str) -> None:
    conn.execute(delete(draft).where(draft.c.consult == consult_id))


def add_receipt(conn: Connection, consult_id: str, version: int, account: str, at: str) -> bool:
    """False: he had read it before."""
    row = upsert(receipt).values(consult=consult_id, version=version, account=account, at=at)
    return conn.execute(row.on_conflict_do_nothing()).rowcount == 1


def receipts(conn: Connection, consults: Iterable[str]) -> dict[tuple[str, int], list[RowMapping]]:
    """By consultation and version, who read it first before who read it later."""
    query = select(receipt).where(receipt.c.consult.in_(list(consults))).order_by(receipt.c.at, receipt.c.account)
    found: dict[tuple[str, int], list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault((row["consult"], row["version"]), []).append(row)
    return found


def add_document(conn: Connection, **values: Any) -> None:
    conn.execute(insert(document).values(**values))


def documents(conn: Connection, consults: Iterable[str]) -> dict[str, dict[str, RowMapping]]:
    """By consultation and kind: the last version of each."""
    query = select(document).where(document.c.consult.in_(list(consults))).order_by(document.c.version)
    found: dict[str, dict[str, RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["consult"], {})[row["kind"]] = row
    return found


def add_consent(conn: Connection, **values: Any) -> None:
    conn.execute(insert(consent).values(**values))


def consents(conn: Connection, consults: Iterable[str]) -> dict[str, RowMapping]:
    """The last paper of each."""
    query = select(consent).where(consent.c.consult.in_(list(consults))).order_by(consent.c.version)
    return {row["consult"]: row for row in conn.execute(query).mappings()}


def add_turn(conn: Connection, **values: Any) -> None:
    conn.execute(insert(turn).values(**values))


def turns(conn: Connection, consults: Iterable[str]) -> dict[str, list[RowMapping]]:
    """In the order in which they were asked."""
    query = select(turn).where(turn.c.consult.in_(list(consults))).order_by(turn.c.consult, turn.c.number)
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["consult"], []).append(row)
    return found


def end_turn(conn: Connection, consult_id: str, number: int, outcome: str, at: str, reason: str = "") -> None:
    here = (turn.c.consult == consult_id, turn.c.number == number)
    conn.execute(update(turn).where(*here).values(outcome=outcome, outcome_at=at, reason=reason))


def withdraw_turns(conn: Connection, consult_id: str, at: str) -> None:
    """Who has not answered need not any more."""
    waiting = (turn.c.consult == consult_id, turn.c.outcome == "waiting")
    conn.execute(update(turn).where(*waiting).values(outcome="withdrawn", outcome_at=at))


def load_of(conn: Connection, account: str) -> int:
    """Consultations that this expert has in hand or has been asked for and not answered."""
    in_hand = select(func.count()).select_from(consult)
    in_hand = in_hand.where(consult.c.expert == account, consult.c.state.in_(OPEN_STATES))
    asked = select(func.count()).select_from(turn).where(turn.c.account == account, turn.c.outcome == "waiting")
    return conn.execute(in_hand).scalar_one() + conn.execute(asked).scalar_one()


def specialties(conn: Connection, account: str) -> list[str]:
    query = select(skill.c.specialty).where(skill.c.account == account).order_by(skill.c.specialty)
    return [row.specialty for row in conn.execute(query)]


def set_specialties(conn: Connection, account: str, named: Iterable[str]) -> None:
    conn.execute(delete(skill).where(skill.c.account == account))
    for specialty in set(named):
        conn.execute(insert(skill).values(account=account, specialty=specialty))


def add_opinion(conn: Connection, **values: Any) -> None:
    conn.execute(insert(opinion).values(**values))


def opinions(conn: Connection, consults: Iterable[str]) -> dict[str, list[RowMapping]]:
    """Every version, in the order of signing."""
    query = select(opinion).where(opinion.c.consult.in_(list(consults)))
    query = query.order_by(opinion.c.signed_at, opinion.c.account, opinion.c.version)
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["consult"], []).append(row)
    return found


def invited_to(conn: Connection, recording: str, account: str) -> bool:
    """Whether a consultation about this recording has the account in it, whatever institution he is of."""
    query = (
        select(member.c.consult)
        .join(consult, consult.c.id == member.c.consult)
        .where(consult.c.recording == recording, member.c.account == account)
    )
    return conn.execute(query.limit(1)).first() is not None
