"""What people do to an alert: look, take it with a read-back, pass on, call back, close, refute; and what they see.

Each use case checks access, checks the state table, writes and tells in one transaction. The ladder's own moves are
`escalation.py`, the making of the three choices is `challenge.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, RowMapping

from ecg import codes
from server.alerts import findings, register, store
from server.alerts.challenge import Option, PatientFact, Seal, challenge, patient_options, picked
from server.alerts.errors import AlertNotYours, AlertTaken, AlertTextMissing, ReadBackWrong
from server.alerts.escalation import (
    LADDER_ALIVE,
    STEP_TIMER,
    Alerts,
    jump,
    roster,
    tell,
    withdraw_pages,
)
from server.alerts.ladder import persons
from server.alerts.model import (
    ALERT,
    Alert,
    Callback,
    Challenge,
    Close,
    CriticalFinding,
    NewCallback,
    OnDuty,
    Page,
    ReadBack,
    Refute,
)
from server.alerts.model import Alerts as AlertList
from server.base import eventlog
from server.base.clock import iso, seconds_between
from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.people import store as people
from server.people.model import Org
from server.records import store as records
from server.records.model import Recording

LIST_MAX = 500
REGISTER_MAX = 20_000
TEXT_MAX = 1000
ANSWERED = ("acknowledged", "acting", "closed")
RULE_OF = {
    "see": "alert.answer",
    "pass_on": "alert.answer",
    "read_back": "alert.answer",
    "callback": "alert.answer",
    "close": "alert.answer",
    "refute": "alert.refute",
}
"""The state table's events that a person may cause, with the access rule each needs."""


async def open_alerts(room: Alerts, ctx: Ctx, *, only_open: bool, limit: int) -> AlertList:
    """Alerts of the institutions this person sees, and those he was paged for; unanswered first, then the oldest."""
    now = iso(room.clock.now())

    def look(conn: Connection) -> AlertList:
        cursor = eventlog.last_id(conn)
        orgs = people.orgs(conn)
        visible = [o.id for o in orgs if ctx.may("alert.read", o.id)]
        rows = store.alerts_for(conn, visible, ctx.actor, only_open=only_open, limit=max(1, min(limit, LIST_MAX)))
        return AlertList(_views(room, conn, ctx, rows, orgs), cursor, _on_duty(conn, orgs, ctx.actor, now))

    return await room.db.read(look)


async def one(room: Alerts, ctx: Ctx, alert_id: str) -> Alert:
    return await room.db.read(lambda conn: _view(room, conn, ctx, _visible(conn, ctx, alert_id)))


async def challenge_of(room: Alerts, ctx: Ctx, alert_id: str) -> Challenge:
    """The three findings and three patients to choose from; the same ones on a reload."""

    def look(conn: Connection) -> Challenge:
        row = _visible(conn, ctx, alert_id)
        return challenge(_seal(room, ctx, row), *_options(room, conn, ctx, row))

    return await room.db.read(look)


async def delivered(room: Alerts, ctx: Ctx, alert_id: str) -> Alert:
    """This person's page reached an open browser: the proof of delivery that the register shows."""

    def work(tx: Tx) -> Alert:
        row = _visible(tx.conn, ctx, alert_id)
        if store.stamp_pages(tx.conn, alert_id, "delivered_at", tx.now, ctx.actor):
            tell(tx, row, "alert.delivered", {"state": row["state"], "step": row["step"]})
        return _view(room, tx.conn, ctx, row)

    return await room.db.write(work, actor=ctx.actor)


async def see(room: Alerts, ctx: Ctx, alert_id: str) -> Alert:
    """Opened or tapped. It is proof that the page was seen, and nothing more: the ladder goes on."""

    def work(tx: Tx) -> Alert:
        row = _answerable(tx.conn, ctx, alert_id)
        _mark_seen(tx, row, ctx.actor)
        return _view(room, tx.conn, ctx, store.alert_row(tx.conn, alert_id))

    return await room.db.write(work, actor=ctx.actor)


async def read_back(room: Alerts, ctx: Ctx, alert_id: str, given: ReadBack) -> Alert:
    """我来处理: the right finding and patient make this person responsible and stop ladder and sound for everybody.

    Raises AlertTaken when somebody was faster, ReadBackWrong (the attempt is kept, the ladder goes on) when wrong.
    """

    def work(tx: Tx) -> Alert | ReadBackWrong:
        row = _answerable(tx.conn, ctx, alert_id)
        _refuse_taken(tx.conn, row)
        target = ALERT.move(row["state"], "read_back")
        seal = _seal(room, ctx, row)
        finding_options, patients = _options(room, tx.conn, ctx, row)
        finding = picked(seal, "finding", finding_options, given.finding)
        patient = picked(seal, "patient", patients, given.patient)
        right = (finding, patient) == (finding_options[0].means, patients[0].means)
        store.add_answer(
            tx.conn, alert=alert_id, account=ctx.actor, at=tx.now, finding=finding, patient=patient, right=right
        )
        if not right:
            if row["state"] in LADDER_ALIVE:
                _mark_seen(tx, row, ctx.actor)
            wrong = ReadBackWrong(wrong_answers=store.wrong_answers(tx.conn, alert_id, ctx.actor))
            now = store.alert_row(tx.conn, alert_id)
            body = {"state": now["state"], "wrong_answers": wrong.wrong_answers}
            tell(tx, now, "alert.read_back_wrong", body)
            return wrong
        store.stamp_pages(tx.conn, alert_id, "seen_at", tx.now, ctx.actor)
        store.update_alert(
            tx.conn, alert_id, state=target, next_at=None, acknowledged_by=ctx.actor, acknowledged_at=tx.now
        )
        tx.cancel_timers(alert_id, STEP_TIMER)
        tell(tx, row, "alert.acknowledged", {"state": target, "step": row["step"]})
        return _view(room, tx.conn, ctx, store.alert_row(tx.conn, alert_id))

    # A wrong answer is kept: it is returned through the commit and raised behind it, not thrown out of the transaction.
    result = await room.db.write(work, actor=ctx.actor)
    if isinstance(result, ReadBackWrong):
        raise result
    return result


async def pass_on(room: Alerts, ctx: Ctx, alert_id: str) -> Alert:
    """立即转下一位: this person will not take it; whom the ladder would call next is called now."""

    def work(tx: Tx) -> Alert:
        row = _answerable(tx.conn, ctx, alert_id)
        _refuse_taken(tx.conn, row)
        ALERT.move(row["state"], "pass_on")
        store.stamp_pages(tx.conn, alert_id, "seen_at", tx.now, ctx.actor)
        tell(tx, row, "alert.passed_on", {"state": row["state"], "step": row["step"]})
        jump(room, tx, row, ctx.actor)
        return _view(room, tx.conn, ctx, store.alert_row(tx.conn, alert_id))

    return await room.db.write(work, actor=ctx.actor)


async def call_back(room: Alerts, ctx: Ctx, alert_id: str, new: NewCallback) -> Alert:
    """回报: the patient's place was told and repeated it."""
    for text_of, text in (("told", new.told), ("how", new.how), ("read_back", new.read_back)):
        _need(text_of, text)

    def work(tx: Tx) -> Alert:
        row = _answerable(tx.conn, ctx, alert_id)
        target = ALERT.move(row["state"], "callback")
        _need_responsible(tx.conn, ctx, row)
        store.update_alert(
            tx.conn, alert_id, state=target, told_by=ctx.actor, told=new.told.strip(), told_how=new.how.strip(),
            told_read_back=new.read_back.strip(), told_at=tx.now,
        )  # fmt: skip
        tell(tx, row, "alert.acting", {"state": target})
        return _view(room, tx.conn, ctx, store.alert_row(tx.conn, alert_id))

    return await room.db.write(work, actor=ctx.actor)


async def close(room: Alerts, ctx: Ctx, alert_id: str, end: Close) -> Alert:
    """闭环: what was done and what became of the patient."""
    for text_of, text in (("action", end.action), ("outcome", end.outcome)):
        _need(text_of, text)

    def work(tx: Tx) -> Alert:
        row = _answerable(tx.conn, ctx, alert_id)
        target = ALERT.move(row["state"], "close")
        _need_responsible(tx.conn, ctx, row)
        store.update_alert(
            tx.conn, alert_id, state=target, action=end.action.strip(), outcome=end.outcome.strip(),
            closed_by=ctx.actor, closed_at=tx.now,
        )  # fmt: skip
        tell(tx, row, "alert.closed", {"state": target})
        return _view(room, tx.conn, ctx, store.alert_row(tx.conn, alert_id))

    return await room.db.write(work, actor=ctx.actor)


async def refute(room: Alerts, ctx: Ctx, alert_id: str, why: Refute) -> Alert:
    """A reader finds no critical finding: everybody who was called is told at once, and the ladder stops."""
    _need("reason", why.reason)

    def work(tx: Tx) -> Alert:
        row = _visible(tx.conn, ctx, alert_id)
        ctx.require("alert.refute", row["org"])
        target = ALERT.move(row["state"], "refute")
        store.update_alert(
            tx.conn, alert_id, state=target, next_at=None, refuted_by=ctx.actor, refuted_at=tx.now,
            refuted_reason=why.reason.strip(),
        )  # fmt: skip
        tx.cancel_timers(alert_id, STEP_TIMER)
        withdraw_pages(tx, row, "refuted")
        tell(tx, row, "alert.refuted", {"state": target})
        return _view(room, tx.conn, ctx, store.alert_row(tx.conn, alert_id))

    return await room.db.write(work, actor=ctx.actor)


async def start_duty(room: Alerts, ctx: Ctx) -> OnDuty:
    """开始值班: this person's page can sound. Told to the rota's readers; whether he is reachable is his open page."""

    def work(tx: Tx) -> OnDuty:
        for org in ctx.orgs()[:1]:
            tx.append("rota.duty_started", ctx.actor, org, {})
        return OnDuty(ctx.actor, tx.now, _on_duty(tx.conn, people.orgs(tx.conn), ctx.actor, tx.now))

    return await room.db.write(work, actor=ctx.actor)


async def register_csv(room: Alerts, ctx: Ctx, from_at: str, to_at: str, lang: str) -> bytes:
    """The register of the institutions this person may export, for a stretch of time."""

    def look(conn: Connection) -> bytes:
        orgs = [o.id for o in people.orgs(conn) if ctx.may("alert.register", o.id)]
        rows = store.raised_between(conn, orgs, from_at, to_at or "9", REGISTER_MAX)
        return register.as_csv(_register_rows(conn, rows), lang)

    return await room.db.read(look)


def thread_org(conn: Connection, ctx: Ctx, alert_id: str) -> str:
    """For the messages room: the institution of an alert's thread. Raises NotFound when it is not this person's."""
    org: str = _visible(conn, ctx, alert_id)["org"]
    return org


def _visible(conn: Connection, ctx: Ctx, alert_id: str) -> RowMapping:
    """The alert, if it is of an institution he sees or he was called for it."""
    row = store.alert_row(conn, alert_id)
    if not ctx.may("alert.read", row["org"]) and not store.was_paged(conn, alert_id, ctx.actor):
        raise NotFound(kind="alert")
    return row


def _answerable(conn: Connection, ctx: Ctx, alert_id: str) -> RowMapping:
    row = _visible(conn, ctx, alert_id)
    if not store.was_paged(conn, alert_id, ctx.actor):
        ctx.require("alert.answer", row["org"])
    return row


def _refuse_taken(conn: Connection, row: RowMapping) -> None:
    if row["state"] in ANSWERED and row["acknowledged_by"]:
        by = row["acknowledged_by"]
        raise AlertTaken(name=people.names(conn, [by]).get(by, by))


def _need_responsible(conn: Connection, ctx: Ctx, row: RowMapping) -> None:
    """Callback and closing belong to him who took it, or to the on-call of his centre when his shift has ended."""
    on_call = any(grant.role == "on_call" and grant.org == row["centre"] for grant in ctx.grants)
    if ctx.actor != row["acknowledged_by"] and not on_call:
        by = row["acknowledged_by"]
        raise AlertNotYours(name=people.names(conn, [by]).get(by, by))


def _need(text_of: str, text: str) -> None:
    if not 0 < len(text.strip()) <= TEXT_MAX:
        raise AlertTextMissing(text_of=text_of, limit=TEXT_MAX)


def _mark_seen(tx: Tx, row: RowMapping, account: str) -> None:
    target = ALERT.move(row["state"], "see")
    fresh = store.stamp_pages(tx.conn, row["id"], "seen_at", tx.now, account)
    if target != row["state"] or fresh:
        store.update_alert(tx.conn, row["id"], state=target)
        tell(tx, row, "alert.seen", {"state": target, "step": row["step"]}, actor=account)


def _on_duty(conn: Connection, orgs: Iterable[Org], account: str, now: str) -> bool:
    centres = {o.reading_centre for o in orgs if o.reading_centre}
    return any(s.account == account for centre in sorted(centres) for s in people.on_duty(conn, centre, now))


def _seal(room: Alerts, ctx: Ctx, row: RowMapping) -> Seal:
    return Seal(room.secret, row["id"], ctx.actor)


def _options(room: Alerts, conn: Connection, ctx: Ctx, row: RowMapping) -> tuple[list[Option], list[Option]]:
    """Findings and patients of the read-back, the right one first in each."""
    finding = store.finding_of(row)
    also = [f.code for _, f in store.held(conn, [row["id"]]).get(row["id"], ())]
    decoys: list[str] = msgspec.json.decode(row["decoys"], type=list[str])
    shown = records.views(conn, [row["recording"], *decoys])
    english = {o.id: o.name_en for o in people.orgs(conn)}
    seen_by_him = [shown[d] for d in decoys if d in shown and ctx.may("recording.read", shown[d].org)]
    return (
        [_finding_option(finding), *(_named(code) for code in findings.decoy_codes(finding.code, also))],
        patient_options(
            _seal(room, ctx, row),
            _person(shown[row["recording"]], english),
            [_person(recording, english) for recording in seen_by_him],
        ),
    )


def _finding_option(finding: CriticalFinding) -> Option:
    # The catalogue's name, not the sentence with its numbers: among names, a number would give the right one away.
    if finding.code in codes.findings():
        return _named(finding.code)
    return Option(finding.code or finding.rule, finding.say_zh, finding.say_en)


def _named(code: str) -> Option:
    name = codes.findings()[code]
    return Option(code, name.name_zh, name.name_en)


def _person(recording: Recording, english: dict[str, str]) -> PatientFact:
    p = recording.patient
    org_en = english.get(recording.org) or recording.org_name
    return PatientFact(p.id, p.name, p.sex, p.age_years, recording.org_name, org_en)


def _view(room: Alerts, conn: Connection, ctx: Ctx, row: RowMapping) -> Alert:
    return _views(room, conn, ctx, [row], people.orgs(conn))[0]


def _views(room: Alerts, conn: Connection, ctx: Ctx, rows: list[RowMapping], orgs: list[Org]) -> list[Alert]:
    ids = [row["id"] for row in rows]
    shown = records.views(conn, {row["recording"] for row in rows})
    pages, held = store.pages(conn, ids), store.held(conn, ids)
    people_columns = ("confirmed_by", "acknowledged_by", "told_by", "closed_by")
    accounts = {row[column] for row in rows for column in people_columns if row[column]}
    accounts |= {page["account"] for of_one in pages.values() for page in of_one}
    coming = {row["id"]: _next_persons(room, conn, row) for row in rows if row["next_at"]}
    accounts |= {account for called in coming.values() for account in called}
    names = people.names(conn, accounts)
    phones = {o.id: o.phone for o in orgs}
    return [
        _alert(
            row,
            shown[row["recording"]],
            phones.get(row["org"], ""),
            names,
            pages.get(row["id"], []),
            held.get(row["id"], []),
            "、".join(names.get(account, account) for account in coming.get(row["id"], ())) or None,
            _events(ctx, row, {page["account"] for page in pages.get(row["id"], [])}),
        )
        for row in rows
    ]


def _next_persons(room: Alerts, conn: Connection, row: RowMapping) -> tuple[str, ...]:
    rung = room.settings.steps[row["step"] + 1]
    return persons(rung.who, roster(conn, row["centre"], row["next_at"]))


def _events(ctx: Ctx, row: RowMapping, paged: set[str]) -> list[str]:
    def may(event: str) -> bool:
        rule = RULE_OF.get(event)
        if rule is None:
            return False
        return ctx.may(rule, row["org"]) or (rule == "alert.answer" and ctx.actor in paged)

    return [event for event in ALERT.allowed(row["state"]) if may(event)]


def _alert(
    row: RowMapping,
    recording: Recording,
    phone: str,
    names: dict[str, str],
    pages: list[RowMapping],
    held: list[tuple[str, CriticalFinding]],
    next_name: str | None,
    events: list[str],
) -> Alert:
    finding = store.finding_of(row)
    return Alert(
        id=row["id"],
        recording=row["recording"],
        org=row["org"],
        org_name=recording.org_name,
        org_phone=phone,
        patient=recording.patient,
        symptoms=recording.symptoms,
        state=row["state"],
        rule=finding.rule,
        profile=finding.profile,
        code=finding.code,
        say_zh=finding.say_zh,
        say_en=finding.say_en,
        leads=finding.leads,
        first=finding.first,
        end=finding.end,
        raised_at=row["raised_at"],
        confirmed_by_name=_name(names, row["confirmed_by"]),
        confirmed_at=row["confirmed_at"],
        step=row["step"],
        next_at=row["next_at"],
        next_name=next_name,
        pages=[
            Page(
                p["account"], names.get(p["account"], ""), p["step"], p["channel"], p["sent_at"], p["delivered_at"],
                p["seen_at"], p["withdrawn_at"],
            )
            for p in pages
        ],
        acknowledged_by=row["acknowledged_by"],
        acknowledged_name=_name(names, row["acknowledged_by"]),
        acknowledged_at=row["acknowledged_at"],
        callback=_callback(row, names),
        action=row["action"],
        outcome=row["outcome"],
        closed_by_name=_name(names, row["closed_by"]),
        closed_at=row["closed_at"],
        refuted_reason=row["refuted_reason"],
        events=events,
        others=[f for recording_id, f in held if (recording_id, f.rule) != (row["recording"], row["rule"])],
        recordings=list(dict.fromkeys(recording_id for recording_id, _ in held)),
        superseded_by=row["superseded_by"],
    )  # fmt: skip


def _callback(row: RowMapping, names: dict[str, str]) -> Callback | None:
    if row["told_at"] is None:
        return None
    return Callback(names.get(row["told_by"], ""), row["told"], row["told_how"], row["told_read_back"], row["told_at"])


def _name(names: dict[str, str], account: str | None) -> str | None:
    return None if account is None else names.get(account, account)


def _register_rows(conn: Connection, rows: list[RowMapping]) -> Iterable[list[str | float | int | None]]:
    ids = [row["id"] for row in rows]
    shown = records.views(conn, {row["recording"] for row in rows})
    pages, held, given = store.pages(conn, ids), store.held(conn, ids), store.answers(conn, ids)
    columns = ("confirmed_by", "acknowledged_by", "told_by", "closed_by", "refuted_by")
    accounts = {row[c] for row in rows for c in columns if row[c]} | {p["account"] for of in pages.values() for p in of}
    names = people.names(conn, accounts)
    for row in rows:
        finding, recording, called = store.finding_of(row), shown[row["recording"]], pages.get(row["id"], [])
        wrong = sum(not a["right"] for a in given.get(row["id"], ()))
        others = [f.say_zh for r, f in held.get(row["id"], ()) if (r, f.rule) != (row["recording"], row["rule"])]
        yield [
            row["id"], row["state"], recording.patient.name, recording.patient.sex, recording.patient.age_years,
            recording.org_name, row["recording"], finding.rule, finding.profile, finding.say_zh, finding.value,
            finding.limit, "; ".join(others), row["raised_at"], _name(names, row["confirmed_by"]), row["confirmed_at"],
            "; ".join(_notification(names, page) for page in called), _name(names, row["acknowledged_by"]),
            row["acknowledged_at"], _read_back_result(row, wrong), _name(names, row["told_by"]), row["told"],
            row["told_how"], row["told_read_back"], row["told_at"], row["action"], row["closed_at"], row["outcome"],
            _name(names, row["closed_by"]), _name(names, row["refuted_by"]), row["refuted_reason"],
            _minutes(row["raised_at"], called[0]["sent_at"] if called else None),
            _minutes(row["raised_at"], row["acknowledged_at"]), _minutes(row["raised_at"], row["closed_at"]),
        ]  # fmt: skip


def _notification(names: dict[str, str], page: RowMapping) -> str:
    proof = (page["sent_at"], page["delivered_at"] or "-", page["seen_at"] or "-")
    return f"{_name(names, page['account'])} / {page['channel']} / {' / '.join(proof)}"


def _read_back_result(row: RowMapping, wrong: int) -> str:
    return f"{'right' if row['acknowledged_at'] else 'none'}, {wrong} wrong before" if wrong else (
        "right" if row["acknowledged_at"] else "none"
    )  # fmt: skip


def _minutes(start: str, end: str | None) -> float | None:
    return None if end is None else round(seconds_between(start, end) / 60, 1)
