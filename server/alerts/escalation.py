"""What an alert does by itself: it is raised, joined, pages step by step, and ends at the desk when nobody answers.

All functions work inside the caller's transaction, so that an alert never stands without its first timer. What people
do to it is `service.py`; who is called when is `ladder.py`; which finding is graver is `findings.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import Connection, RowMapping

from server.alerts import findings, store
from server.alerts.ladder import AlertSettings, Roster, next_after, persons
from server.alerts.model import ALERT, CriticalFinding
from server.base.clock import Clock, later, seconds_between
from server.base.database import Database, Tx
from server.base.eventlog import Body
from server.base.ids import new_id
from server.people import store as people
from server.records import store as records

log = structlog.get_logger()

STEP_TIMER = "alert.step"
READER_RULE = "reader.critical"
"""The rule of an alert that a reader raised by grading an ECG critical where no rule of the profile had fired."""
LADDER_ALIVE = ("raised", "notified", "seen")
JOINED_STATES = (*LADDER_ALIVE, "acknowledged", "acting")
DECOY_S = 86_400
"""Other patients of a day are choice enough, and few enough rows for the one writer thread to look through."""
DECOYS_SEEN = 60
DECOYS_MAX = 12


@dataclass(frozen=True)
class Alerts:
    """The room. `secret` seals the read-back's keys; `critical_findings` asks the analysis of a recording."""

    db: Database
    clock: Clock
    settings: AlertSettings
    secret: bytes
    critical_findings: Callable[[Connection, str], list[CriticalFinding]]


async def raise_alert(room: Alerts, recording: str, *found: CriticalFinding) -> str | None:
    """Open or feed the alert of this recording; the streaming monitor calls it before the recording has ended.

    Idempotent by recording and rule. Returns the id of the alert that rings for the gravest finding, None without one.
    """
    return await room.db.write(lambda tx: raise_in(room, tx, recording, found))


def raise_in(room: Alerts, tx: Tx, recording: str, found: Iterable[CriticalFinding]) -> str | None:
    """As `raise_alert`, inside the caller's transaction: alert, first pages and first timer commit together."""
    order = findings.gravest_first(found)
    known = store.known_rules(tx.conn, recording)
    # A rule may fire at several places of one recording: the first place stands for it.
    fresh = list({f.rule: f for f in reversed(order) if f.rule not in known}.values())[::-1]
    if not fresh:
        return known[order[0].rule] if order else None
    row = records.recording_row(tx.conn, recording)
    home = _home(room, tx, row, fresh[0])
    if home is None:
        alert_id = _open(room, tx, row, fresh[0])
        _supersede_milder(tx, alert_id, row["id"], fresh[0])
    else:
        alert_id = home["id"]
    for finding in fresh:
        store.hold(tx.conn, alert_id, recording, finding, tx.now)
    if home is None:
        _begin(room, tx, alert_id)
    else:
        _join(tx, home, recording)
    return alert_id


def confirm(room: Alerts, tx: Tx, recording: str, reader: str) -> None:
    """A reader signed this recording as critical: its alerts are confirmed, and a ladder that waited for him starts."""
    for row in store.of_recording(tx.conn, recording):
        if row["confirmed_at"] is None and row["state"] != "refuted":
            store.update_alert(tx.conn, row["id"], confirmed_by=reader, confirmed_at=tx.now)
            tell(tx, row, "alert.confirmed", {"state": row["state"]})
            if row["step"] < 0 and row["state"] in LADDER_ALIVE:
                store.update_alert(tx.conn, row["id"], ladder_at=tx.now)
                climb(room, tx, row["id"], 0)


def climb(room: Alerts, tx: Tx, alert_id: str, step: int) -> None:
    """Carry out one step of the ladder and set the timer of the next. A step already done, or past, does nothing."""
    row = store.alert_row(tx.conn, alert_id)
    if row["state"] not in LADDER_ALIVE or row["step"] >= step:
        return
    rung = room.settings.steps[step]
    called = persons(rung.who, roster(tx.conn, row["centre"], tx.now))
    for account in called:
        _page(tx, row, step, account, rung.channel)
    tx.cancel_timers(alert_id, STEP_TIMER)
    if rung.expire:
        target = ALERT.move(row["state"], "expire")
        store.update_alert(tx.conn, alert_id, state=target, step=step, next_at=None, expired_at=tx.now)
        tell(tx, row, "alert.expired", {"state": target, "step": step})
        return
    next_at = _set_timer(room, tx, row, step + 1)
    if called:
        target = ALERT.move(row["state"], "page")
        store.update_alert(tx.conn, alert_id, state=target, step=step, next_at=next_at)
        tell(tx, row, "alert.notified", {"state": target, "step": step})
    else:
        # Nobody holds the on-call role at all: the alert stays `raised` on the screens, the ladder runs to the desk.
        log.error("alert.nobody_to_call", alert=alert_id, step=step)
        store.update_alert(tx.conn, alert_id, step=step, next_at=next_at)


def jump(room: Alerts, tx: Tx, row: RowMapping, passer: str) -> None:
    """Pass on: the next step that reaches somebody else comes now, and the later ones keep their distance to it."""
    target = next_after(room.settings.steps, row["step"], roster(tx.conn, row["centre"], tx.now), passer)
    store.update_alert(tx.conn, row["id"], ladder_at=later(tx.now, -room.settings.steps[target].after_s))
    climb(room, tx, row["id"], target)


def roster(conn: Connection, centre: str, at: str) -> Roster:
    """Who can be called for `centre` at this moment, from the rota and the roles."""
    lines: dict[int, tuple[str, ...]] = {}
    for shift in people.on_duty(conn, centre, at):
        lines[shift.line] = (*lines.get(shift.line, ()), shift.account)
    return Roster(
        lines,
        tuple(people.holders(conn, "general_duty", [centre])),
        tuple(people.holders(conn, "on_call", [centre])),
    )


def tell(tx: Tx, row: RowMapping, kind: str, body: Body, *, actor: str | None = None) -> None:
    """An event of this alert that every page of the institution hears."""
    tx.append(
        kind, row["id"], row["org"], {"recording": row["recording"], "rule": row["rule"], **body},
        topic="alert", actor=actor,
    )  # fmt: skip


def withdraw_pages(tx: Tx, row: RowMapping, why: str) -> None:
    """Tell everybody who was called that the call is void; his page stays in the register."""
    accounts = {p["account"] for p in store.pages(tx.conn, [row["id"]]).get(row["id"], ()) if not p["withdrawn_at"]}
    store.stamp_pages(tx.conn, row["id"], "withdrawn_at", tx.now)
    for account in sorted(accounts):
        body = {"recording": row["recording"], "why": why}
        tx.append("page.withdrawn", row["id"], row["org"], body, topic=f"user:{account}")


def _home(room: Alerts, tx: Tx, recording: RowMapping, gravest: CriticalFinding) -> RowMapping | None:
    """The open alert that this finding belongs to: of the same recording, or of the same incident of the patient."""
    gravity, family = findings.gravity(gravest.rule), findings.family(gravest.rule)
    for row in store.of_recording(tx.conn, recording["id"]):
        if row["state"] in JOINED_STATES and findings.gravity(row["rule"]) <= gravity:
            return row
    span_s = room.settings.incident_arrest_s if family == findings.ARREST else room.settings.incident_s
    for row in store.open_of_patient(tx.conn, recording["patient"], JOINED_STATES):
        if row["family"] == family and seconds_between(row["raised_at"], tx.now) <= span_s:
            return row
    return None


def _open(room: Alerts, tx: Tx, recording: RowMapping, finding: CriticalFinding) -> str:
    alert_id = new_id("alr")
    first_at = tx.now if finding.page_before_read else later(tx.now, room.settings.unread_wait_s)
    store.add_alert(
        tx.conn,
        id=alert_id,
        recording=recording["id"],
        org=recording["org"],
        centre=recording["centre"],
        patient=recording["patient"],
        state=ALERT.start,
        finding=msgspec.json.encode(finding).decode(),
        rule=finding.rule,
        family=findings.family(finding.rule),
        raised_at=tx.now,
        ladder_at=first_at,
        step=-1,
        decoys=msgspec.json.encode(_decoys(tx, recording)).decode(),
    )
    row = store.alert_row(tx.conn, alert_id)
    tell(tx, row, "alert.raised", {"state": ALERT.start, "code": finding.code})
    return alert_id


def _begin(room: Alerts, tx: Tx, alert_id: str) -> None:
    """Page at once, or set the timer that pages when no reader speaks in time."""
    row = store.alert_row(tx.conn, alert_id)
    if row["ladder_at"] <= tx.now:
        climb(room, tx, alert_id, 0)
    else:
        store.update_alert(tx.conn, alert_id, next_at=_set_timer(room, tx, row, 0))


def _join(tx: Tx, home: RowMapping, recording: str) -> None:
    """A further ECG or finding of an incident somebody is already called for: told, but it rings nobody anew."""
    tell(tx, home, "alert.notified", {"state": home["state"], "step": home["step"], "joined": recording})
    if home["acknowledged_by"]:
        body = {"recording": recording, "step": home["step"]}
        tx.append("page.joined", home["id"], home["org"], body, topic=f"user:{home['acknowledged_by']}")


def _supersede_milder(tx: Tx, alert_id: str, recording: str, gravest: CriticalFinding) -> None:
    """It got worse: an unanswered milder alert of the same recording gives way: one ladder rings, not two."""
    for row in store.of_recording(tx.conn, recording):
        milder = findings.gravity(row["rule"]) > findings.gravity(gravest.rule)
        if milder and row["state"] in LADDER_ALIVE:
            target = ALERT.move(row["state"], "supersede")
            store.update_alert(tx.conn, row["id"], state=target, next_at=None, superseded_by=alert_id)
            tx.cancel_timers(row["id"], STEP_TIMER)
            withdraw_pages(tx, row, "superseded")
            tell(tx, row, "alert.superseded", {"state": target, "by": alert_id})


def _page(tx: Tx, row: RowMapping, step: int, account: str, channel: str) -> None:
    store.add_page(tx.conn, alert_id=row["id"], step=step, account=account, channel=channel, sent_at=tx.now)
    body = {"recording": row["recording"], "step": step, "channel": channel}
    tx.append("page.sent", row["id"], row["org"], body, topic=f"user:{account}")


def _set_timer(room: Alerts, tx: Tx, row: RowMapping, step: int) -> str:
    # Read again: a confirmation or a pass-on has just moved the start of the ladder.
    start = store.alert_row(tx.conn, row["id"])["ladder_at"]
    due_at = later(start, room.settings.steps[step].after_s)
    tx.set_timer(due_at, STEP_TIMER, row["id"], row["org"], {"step": step})
    return due_at


def _decoys(tx: Tx, recording: RowMapping) -> list[str]:
    """Recordings of other recent patients of the same centre, one a patient, newest first."""
    near = [o.id for o in people.orgs(tx.conn) if o.reading_centre == recording["centre"]]
    recent = records.recordings_of_orgs(tx.conn, near, later(tx.now, -DECOY_S), DECOYS_SEEN)
    one_each = {r.patient.id: r.id for r in reversed(recent) if r.patient.id != recording["patient"]}
    return list(reversed(one_each.values()))[:DECOYS_MAX]
