"""Tables and queries of alerts: the alert, the findings and recordings it holds, its pages, the answers given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
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
    func,
    insert,
    or_,
    select,
    update,
)

from server.alerts.model import OPEN_STATES, RINGING_STATES, CriticalFinding
from server.base.errors import NotFound
from server.base.schema import metadata
from server.base.upsert import upsert

alert = Table(
    "alert",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recording", Text, nullable=False),
    Column("org", Text, nullable=False),
    Column("centre", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("state", Text, nullable=False),
    # The finding as it was at firing, with the profile's version: a changed profile does not rewrite an open alert.
    Column("finding", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("raised_at", Text, nullable=False),
    # When the ladder's step 0 was, or will be, due; moved by a confirmation and by passing on.
    Column("ladder_at", Text, nullable=False),
    Column("step", Integer, nullable=False),  # the last step done; -1: none yet
    Column("next_at", Text),
    # Patients that may stand beside the right one in the read-back, chosen when it was raised: a reload shows the same.
    Column("decoys", Text, nullable=False),
    Column("confirmed_by", Text),
    Column("confirmed_at", Text),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Text),
    Column("told_by", Text),
    Column("told", Text, nullable=False, default=""),
    Column("told_how", Text, nullable=False, default=""),
    Column("told_read_back", Text, nullable=False, default=""),
    Column("told_at", Text),
    Column("action", Text, nullable=False, default=""),
    Column("outcome", Text, nullable=False, default=""),
    Column("closed_by", Text),
    Column("closed_at", Text),
    Column("refuted_by", Text),
    Column("refuted_at", Text),
    Column("refuted_reason", Text, nullable=False, default=""),
    Column("expired_at", Text),
    Column("superseded_by", Text),
    Index("alert_org", "org", "raised_at"),
    Index("alert_state", "state", "raised_at"),
    Index("alert_patient", "patient", "family", "raised_at"),
)

alert_finding = Table(
    # One row a critical rule of a recording: the key that makes raising idempotent.
    "alert_finding",
    metadata,
    Column("recording", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("alert", Text, nullable=False),
    Column("finding", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("alert_finding_alert", "alert", "at"),
)

page = Table(
    "alert_page",
    metadata,
    Column("alert", Text, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("sent_at", Text, nullable=False),
    Column("delivered_at", Text),
    Column("seen_at", Text),
    Column("withdrawn_at", Text),
    Index("alert_page_account", "account", "alert"),
)

answer = Table(
    # Every read-back given, right or wrong: what was picked, by code and patient id.
    "alert_answer",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("alert", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("finding", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("right", Boolean, nullable=False),
    Index("alert_answer_alert", "alert", "account"),
)


def add_alert(conn: Connection, **values: Any) -> None:
    conn.execute(insert(alert).values(**values))


def alert_row(conn: Connection, alert_id: str) -> RowMapping:
    """The bare row. Raises NotFound."""
    row = conn.execute(select(alert).where(alert.c.id == alert_id)).mappings().first()
    if row is None:
        raise NotFound(kind="alert")
    return row


def update_alert(conn: Connection, alert_id: str, **values: Any) -> None:
    conn.execute(update(alert).where(alert.c.id == alert_id).values(**values))


def finding_of(row: RowMapping) -> CriticalFinding:
    return msgspec.json.decode(row["finding"], type=CriticalFinding)


def known_rules(conn: Connection, recording: str) -> dict[str, str]:
    """Rules of this recording that an alert already holds, with the alert's id."""
    query = select(alert_finding.c.rule, alert_finding.c.alert).where(alert_finding.c.recording == recording)
    return {r.rule: r.alert for r in conn.execute(query)}


def hold(conn: Connection, alert_id: str, recording: str, finding: CriticalFinding, at: str) -> None:
    """Write that `alert_id` holds this finding of this recording."""
    conn.execute(
        insert(alert_finding).values(
            recording=recording, rule=finding.rule, alert=alert_id, finding=_text(finding), at=at
        )
    )


def held(conn: Connection, alerts: Iterable[str]) -> dict[str, list[tuple[str, CriticalFinding]]]:
    """What each alert holds, as (recording, finding), in the order it came."""
    query = (
        select(alert_finding)
        .where(alert_finding.c.alert.in_(list(alerts)))
        .order_by(alert_finding.c.at, alert_finding.c.recording, alert_finding.c.rule)
    )
    found: dict[str, list[tuple[str, CriticalFinding]]] = {}
    for r in conn.execute(query):
        finding = msgspec.json.decode(r.finding, type=CriticalFinding)
        found.setdefault(r.alert, []).append((r.recording, finding))
    return found


def open_of_patient(conn: Connection, patient: str, states: Sequence[str]) -> list[RowMapping]:
    """The patient's alerts in one of `states`, newest first."""
    query = select(alert).where(alert.c.patient == patient, alert.c.state.in_(states))
    return list(conn.execute(query.order_by(alert.c.raised_at.desc())).mappings())


def of_recording(conn: Connection, recording: str) -> list[RowMapping]:
    """Every alert that holds a finding of this recording, oldest first."""
    ids = select(alert_finding.c.alert).where(alert_finding.c.recording == recording)
    return list(conn.execute(select(alert).where(alert.c.id.in_(ids)).order_by(alert.c.raised_at)).mappings())


def open_of_recordings(conn: Connection, recordings: Iterable[str]) -> dict[str, tuple[str, str]]:
    """For the worklist: (alert id, state) of the open alert of each recording that has one, the newest counting."""
    query = (
        select(alert_finding.c.recording, alert.c.id, alert.c.state)
        .join(alert, alert.c.id == alert_finding.c.alert)
        .where(alert_finding.c.recording.in_(list(recordings)), alert.c.state.in_(OPEN_STATES))
        .order_by(alert.c.raised_at)
    )
    return {r.recording: (r.id, r.state) for r in conn.execute(query)}


def alerts_for(conn: Connection, orgs: Iterable[str], account: str, *, only_open: bool, limit: int) -> list[RowMapping]:
    """Alerts of `orgs`, and those `account` was paged for. Open ones: unanswered first, then the oldest."""
    paged = select(page.c.alert).where(page.c.account == account, page.c.withdrawn_at.is_(None))
    query = select(alert).where(or_(alert.c.org.in_(list(orgs)), alert.c.id.in_(paged))).limit(limit)
    if not only_open:
        return list(conn.execute(query.order_by(alert.c.raised_at.desc(), alert.c.id)).mappings())
    answered = case((alert.c.state.in_(RINGING_STATES), 0), else_=1)
    query = query.where(alert.c.state.in_(OPEN_STATES)).order_by(answered, alert.c.raised_at, alert.c.id)
    return list(conn.execute(query).mappings())


def raised_between(conn: Connection, orgs: Iterable[str], from_at: str, to_at: str, limit: int) -> list[RowMapping]:
    """The register's rows, oldest first."""
    query = (
        select(alert)
        .where(alert.c.org.in_(list(orgs)), alert.c.raised_at >= from_at, alert.c.raised_at < to_at)
        .order_by(alert.c.raised_at, alert.c.id)
        .limit(limit)
    )
    return list(conn.execute(query).mappings())


def add_page(conn: Connection, *, alert_id: str, step: int, account: str, channel: str, sent_at: str) -> None:
    """One message to one person; the same step and person again changes nothing."""
    row = upsert(page).values(alert=alert_id, step=step, account=account, channel=channel, sent_at=sent_at)
    conn.execute(row.on_conflict_do_nothing())


def pages(conn: Connection, alerts: Iterable[str]) -> dict[str, list[RowMapping]]:
    query = select(page).where(page.c.alert.in_(list(alerts))).order_by(page.c.sent_at, page.c.step, page.c.account)
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["alert"], []).append(row)
    return found


def was_paged(conn: Connection, alert_id: str, account: str) -> bool:
    query = select(page.c.step).where(page.c.alert == alert_id, page.c.account == account)
    return conn.execute(query.limit(1)).first() is not None


def stamp_pages(conn: Connection, alert_id: str, column: str, at: str, account: str | None = None) -> int:
    """Set `delivered_at`, `seen_at` or `withdrawn_at` where it is empty; returns how many pages changed."""
    query = update(page).where(page.c.alert == alert_id, page.c[column].is_(None)).values({column: at})
    return conn.execute(query if account is None else query.where(page.c.account == account)).rowcount


def add_answer(conn: Connection, **values: Any) -> None:
    conn.execute(insert(answer).values(**values))


def wrong_answers(conn: Connection, alert_id: str, account: str | None = None) -> int:
    query = select(func.count()).select_from(answer).where(answer.c.alert == alert_id, ~answer.c.right)
    return conn.execute(query if account is None else query.where(answer.c.account == account)).scalar_one()


def answers(conn: Connection, alerts: Iterable[str]) -> dict[str, list[RowMapping]]:
    query = select(answer).where(answer.c.alert.in_(list(alerts))).order_by(answer.c.id)
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["alert"], []).append(row)
    return found


def _text(finding: CriticalFinding) -> str:
    return msgspec.json.encode(finding).decode()
