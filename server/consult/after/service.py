"""After a conclusion: the treating doctor ticks its advice off and tells the outcome, everybody says how it went.

What is owed begins with the countersignature (`begin`) and is asked for by durable timers (`ask`, `remind`).
"""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from server.base.clock import iso, later
from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.eventlog import Event
from server.base.spine import Reaction
from server.consult import papers
from server.consult import store as cases
from server.consult.access import asks, for_requester, name_of, tell, visible
from server.consult.after import store
from server.consult.after.figures import mean, wilson
from server.consult.after.model import (
    After,
    Day,
    FollowUp,
    FollowUps,
    GiveFeedback,
    OutcomeDue,
    ReportOutcome,
    Satisfaction,
    SatisfactionOf,
    Task,
    TickTask,
    Who,
)
from server.consult.errors import ConclusionChanged, FeedbackGiven, NotTheExpert, OutcomeTold
from server.consult.model import CONSULT
from server.consult.service import Consultations
from server.consult.signed import content_of, counter_of
from server.people import store as people
from server.records import store as records

DAYS: tuple[Day, ...] = (7, 30)
DAY_S = 86_400
REMIND_S = 2 * DAY_S
"""After the day on which an outcome was due it is asked for once more."""
AHEAD_S, BEHIND_S = 7 * DAY_S, 30 * DAY_S
"""What the list shows: owed within a week, told in the last month."""
LIST_MAX = 200
SATISFIED_MEAN = 4.0
DUE_TIMER = "consult.outcome_due"
WHO: tuple[Who, ...] = ("patient", "requester", "expert")


async def after(room: Consultations, ctx: Ctx, consult_id: str) -> After:
    """Raises NotFound before both sides have signed."""

    def look(conn: Connection) -> After:
        return _view(conn, ctx, visible(conn, ctx, consult_id), iso(room.clock.now()))

    return await room.db.read(look)


async def tick(room: Consultations, ctx: Ctx, consult_id: str, said: TickTask) -> After:
    """The treating doctor did what was advised, or says why not. Raises ConclusionChanged, ConsultTextMissing."""
    if not said.done or said.note.strip():
        papers.need("note", said.note, papers.SHORT_MAX)

    def work(tx: Tx) -> After:
        row = for_requester(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "tick")
        standing = _standing(tx.conn, row)
        if standing["version"] != said.version:
            raise ConclusionChanged
        if not 1 <= said.number <= len(content_of(standing).advice):
            raise NotFound(kind="advice")
        store.put_task(
            tx.conn, consult_id, said.version, said.number, done=said.done, note=said.note.strip(), by=ctx.actor,
            at=tx.now,
        )  # fmt: skip
        tell(tx, row, "consult.advice_ticked", {"number": said.number, "done": said.done, "version": said.version})
        return _view(tx.conn, ctx, row, tx.now)

    return await room.db.write(work, actor=ctx.actor)


async def report(room: Consultations, ctx: Ctx, consult_id: str, said: ReportOutcome) -> After:
    """The outcome goes back to the expert. Once for each day. Raises OutcomeTold."""
    if said.note.strip():
        papers.need("note", said.note, papers.SHORT_MAX)

    def work(tx: Tx) -> After:
        row = for_requester(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "follow_up")
        owed = {o["day"]: o for o in store.outcomes(tx.conn, consult_id)}.get(said.day)
        if owed is None:
            raise NotFound(kind="outcome")
        if owed["reported_at"] is not None:
            raise OutcomeTold(name=name_of(tx.conn, owed["by"]))
        store.report_outcome(
            tx.conn, consult_id, said.day, outcome=said.outcome, note=said.note.strip(), by=ctx.actor,
            reported_at=tx.now,
        )  # fmt: skip
        cases.update_consult(tx.conn, consult_id, state=target)
        body = {"state": target, "day": said.day, "outcome": said.outcome}
        tell(tx, row, "consult.followed_up", body)
        if row["expert"] is not None:
            private = {"recording": row["recording"], **body}
            tx.append("consult.outcome_told", consult_id, row["invitee_org"], private, topic=f"user:{row['expert']}")
        return _view(tx.conn, ctx, cases.consult_row(tx.conn, consult_id), tx.now)

    return await room.db.write(work, actor=ctx.actor)


async def give(room: Consultations, ctx: Ctx, consult_id: str, said: GiveFeedback) -> After:
    """Three answers, once each. Raises FeedbackGiven, NotTheRequester, NotTheExpert."""
    if said.remark.strip():
        papers.need("remark", said.remark, papers.SHORT_MAX)

    def work(tx: Tx) -> After:
        row = visible(tx.conn, ctx, consult_id)
        if said.who == "expert" and ctx.actor != row["expert"]:
            raise NotTheExpert(name=name_of(tx.conn, row["expert"]))
        if said.who != "expert":
            for_requester(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "answer")
        first, second, third = said.answers
        if not store.add_feedback(
            tx.conn, consult=consult_id, who=said.who, first=first, second=second, third=third,
            remark=said.remark.strip(), by=ctx.actor, at=tx.now,
        ):  # fmt: skip
            raise FeedbackGiven
        tell(tx, row, "consult.feedback_given", {"who": said.who})
        return _view(tx.conn, ctx, row, tx.now)

    return await room.db.write(work, actor=ctx.actor)


async def follow_ups(room: Consultations, ctx: Ctx) -> FollowUps:
    """Outcomes that this person's side owes soon, and those told lately to or by him."""
    now = iso(room.clock.now())

    def look(conn: Connection) -> FollowUps:
        orgs = [org for org in ctx.orgs() if ctx.may("consult.request", org)]
        rows = store.follow_ups(
            conn, orgs, ctx.actor, due_before=later(now, AHEAD_S), told_since=later(now, -BEHIND_S), limit=LIST_MAX
        )
        shown = records.views(conn, {row["recording"] for row in rows})
        return FollowUps([
            FollowUp(
                row["consult"], shown[row["recording"]].patient.name, row["purpose"], row["day"], row["due_at"],
                _overdue(row, now), asks(ctx, row), row["outcome"], row["reported_at"],
            )
            for row in rows
        ])  # fmt: skip

    return await room.db.read(look)


async def satisfaction(room: Consultations, ctx: Ctx, days: int) -> Satisfaction:
    """Of the institutions that this person oversees, with how many answered and how sure it is."""
    since = later(iso(room.clock.now()), -days * DAY_S)

    def look(conn: Connection) -> Satisfaction:
        orgs = [o.id for o in people.orgs(conn) if ctx.may("consult.measure", o.id)]
        asked = store.concluded_since(conn, orgs, since)
        rows = store.answers_since(conn, orgs, since)
        return Satisfaction(since, [_satisfaction(who, asked, rows) for who in WHO])

    return await room.db.read(look)


def reactions(room: Consultations) -> tuple[Reaction, ...]:
    async def begin(event: Event) -> None:
        """Both sides have signed: two outcomes are owed. A correction owes none anew."""

        def work(tx: Tx) -> None:
            row = cases.consult_row(tx.conn, event.subject)
            for day in DAYS:
                due_at = later(event.at, day * DAY_S)
                if store.add_outcome(tx.conn, row["id"], day, due_at):
                    tx.set_timer(due_at, DUE_TIMER, row["id"], row["requester_org"], {"day": day, "again": False})

        await room.db.write(work)

    async def due(event: Event) -> None:
        day, again = event.body["day"], bool(event.body["again"])
        assert isinstance(day, int), "the timer consult.outcome_due carries its day"
        await room.db.write(lambda tx: _ask(tx, event.subject, day, again=again))

    return (
        Reaction("consult.follow_up", frozenset({"consult.concluded"}), begin),
        Reaction("consult.outcome_due", frozenset({f"timer.{DUE_TIMER}"}), due),
    )


def _ask(tx: Tx, consult_id: str, day: int, *, again: bool) -> None:
    """The requester is asked; two days later once more. Told meanwhile: nothing."""
    row = cases.consult_row(tx.conn, consult_id)
    owed = {o["day"]: o for o in store.outcomes(tx.conn, consult_id)}.get(day)
    if owed is None or owed["reported_at"] is not None:
        return
    body = {"recording": row["recording"], "day": day, "again": again}
    tx.append("consult.outcome_asked", consult_id, row["requester_org"], body, topic=f"user:{row['requester']}")
    if not again:
        due_at = later(owed["due_at"], REMIND_S)
        tx.set_timer(due_at, DUE_TIMER, consult_id, row["requester_org"], {"day": day, "again": True})


def _satisfaction(who: Who, asked: int, rows: list[RowMapping]) -> SatisfactionOf:
    mine = [(row["first"], row["second"], row["third"]) for row in rows if row["who"] == who]
    satisfied = sum(sum(three) / 3 >= SATISFIED_MEAN for three in mine)
    means = [mean([three[at] for three in mine]) for at in range(3)]
    return SatisfactionOf(who, wilson(len(mine), asked), wilson(satisfied, len(mine)), means)


def _view(conn: Connection, ctx: Ctx, row: RowMapping, now: str) -> After:
    standing = _standing(conn, row)
    ticked = store.tasks(conn, row["id"], standing["version"])
    owed, given = store.outcomes(conn, row["id"]), {f["who"] for f in store.feedback_of(conn, row["id"])}
    names = people.names(conn, {t["by"] for t in ticked.values()} | {o["by"] for o in owed if o["by"]})
    steps, side = CONSULT.allowed(row["state"]), asks(ctx, row)
    mine = {"patient": side, "requester": side, "expert": ctx.actor == row["expert"]}
    return After(
        consult=row["id"],
        version=standing["version"],
        tasks=[_task(n, text, ticked.get(n), names) for n, text in enumerate(content_of(standing).advice, 1)],
        outcomes=[
            OutcomeDue(
                o["day"],
                o["due_at"],
                _overdue(o, now),
                o["outcome"],
                o["note"],
                names.get(o["by"], ""),
                o["reported_at"],
            )
            for o in owed
        ],
        answered=[who for who in WHO if who in given],
        may_report=side and "follow_up" in steps,
        may_answer=[who for who in WHO if mine[who] and who not in given and "answer" in steps],
    )


def _task(number: int, text: str, row: RowMapping | None, names: dict[str, str]) -> Task:
    if row is None:
        return Task(number, text, None, "", "", None)
    return Task(number, text, row["done"], row["note"], names.get(row["by"], ""), row["at"])


def _standing(conn: Connection, row: RowMapping) -> RowMapping:
    """The last version that both sides have signed. Raises NotFound."""
    for at, one in enumerate(cases.conclusions(conn, [row["id"]]).get(row["id"], [])):
        if counter_of(row, one, last=at == 0) is not None:
            return one
    raise NotFound(kind="conclusion")


def _overdue(row: RowMapping, now: str) -> bool:
    return row["reported_at"] is None and row["due_at"] <= now
