"""What one person sees of a consultation: names beside ids, its papers, and what he may do now. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import msgspec
from sqlalchemy import Connection, RowMapping

from server.base.context import Ctx
from server.base.database import Tx
from server.consult import papers, store
from server.consult.access import answers, asks
from server.consult.model import CONSULT, Conclusion, Consult, Member, Opinion, Receipt, Specialty, Turn, Why
from server.consult.signed import content_of, counter_of
from server.people import store as people
from server.people.model import Org
from server.records import store as records
from server.records.model import Recording


def again(tx: Tx, ctx: Ctx, consult_id: str) -> Consult:
    return view(tx.conn, ctx, store.consult_row(tx.conn, consult_id))


def view(conn: Connection, ctx: Ctx, row: RowMapping) -> Consult:
    return views(conn, ctx, [row], people.orgs(conn))[0]


def whole(conn: Connection, row: RowMapping) -> Consult:
    """As the case itself knows it, for papers and timers: opened opinions, and no step that anybody could take."""
    return view(conn, Ctx("", "", (), lambda _rule, _grants, _org: False), row)


def views(conn: Connection, ctx: Ctx, rows: list[RowMapping], orgs: list[Org]) -> list[Consult]:
    ids = [row["id"] for row in rows]
    shown = records.views(conn, {row["recording"] for row in rows})
    members, signed, receipts = store.members(conn, ids), store.conclusions(conn, ids), store.receipts(conn, ids)
    documents, consents = store.documents(conn, ids), store.consents(conn, ids)
    columns = ("requester", "expert", "countersigned_by")
    accounts = {row[c] for row in rows for c in columns if row[c]}
    accounts |= {c["signed_by"] for of_one in signed.values() for c in of_one}
    accounts |= {c["countersigned_by"] for of_one in signed.values() for c in of_one if c["countersigned_by"]}
    accounts |= {r["account"] for of_one in receipts.values() for r in of_one}
    accounts |= {m["account"] for of_one in members.values() for m in of_one}
    accounts |= {d["by"] for of_one in documents.values() for d in of_one.values()}
    accounts |= {c["taken_by"] for c in consents.values()}
    turns, opinions = store.turns(conn, ids), store.opinions(conn, ids)
    accounts |= {t["account"] for of_one in turns.values() for t in of_one}
    names, org_names = people.names(conn, accounts), {o.id: o.name for o in orgs}
    return [
        _consult(
            ctx,
            row,
            shown[row["recording"]],
            members[row["id"]],
            [_conclusion(row, c, receipts, names, last=at == 0) for at, c in enumerate(signed.get(row["id"], []))],
            list(documents.get(row["id"], {}).values()),
            consents.get(row["id"]),
            turns.get(row["id"], []),
            opinions.get(row["id"], []),
            names,
            org_names,
        )
        for row in rows
    ]


def _consult(
    ctx: Ctx,
    row: RowMapping,
    recording: Recording,
    members: list[RowMapping],
    signed: list[Conclusion],
    documents: list[RowMapping],
    consent: RowMapping | None,
    turns: list[RowMapping],
    opinions: list[RowMapping],
    names: dict[str, str],
    org_names: dict[str, str],
) -> Consult:
    return Consult(
        id=row["id"],
        recording=row["recording"],
        alert=row["alert"],
        requester=row["requester"],
        requester_org=row["requester_org"],
        invitee_org=row["invitee_org"],
        expert=row["expert"],
        purpose=row["purpose"],
        summary=row["summary"],
        priority=row["priority"],
        consent=row["consent"],
        specialty=row["specialty"],
        expert_title=row["expert_title"],
        wanted_at=row["wanted_at"],
        disease=row["disease"],
        documents=[papers.document_view(d, names) for d in documents],
        consent_paper=None if consent is None else papers.consent_view(consent, names),
        completeness=papers.completeness(
            row["disease"],
            {d["kind"] for d in documents},
            consent=consent is not None or row["consent"] == "written",
        ),
        turns=[_turn(t, names) for t in turns],
        unanswered=row["state"] == "submitted" and bool(turns) and all(t["outcome"] != "waiting" for t in turns),
        opinions=[_opinion(ctx, row, o, names) for o in opinions],
        opinions_open=row["opinions_opened_at"] is not None,
        owes_opinion=[
            names.get(a, "") for a in sorted(owing(members, opinions), key=lambda account: account != row["expert"])
        ],
        scheduled_at=row["scheduled_at"],
        state=row["state"],
        requested_at=row["requested_at"],
        answered_at=row["answered_at"],
        reason=row["reason"],
        requester_name=names.get(row["requester"], ""),
        requester_org_name=org_names.get(row["requester_org"], ""),
        invitee_org_name=org_names.get(row["invitee_org"], ""),
        expert_name=names.get(row["expert"]),
        patient=recording.patient,
        members=[
            Member(m["account"], names.get(m["account"], ""), org_names.get(m["org"], ""), m["part"]) for m in members
        ],
        conclusion=signed[0] if signed else None,
        earlier_conclusions=signed[1:],
        events=_events(ctx, row, members, opinions),
    )


def owing(members: Iterable[RowMapping], opinions: Iterable[RowMapping]) -> list[str]:
    """The experts of a case with more than one whose first opinion is still to come. A single expert concludes."""
    experts = [m["account"] for m in members if m["part"] == "expert"]
    signed = {o["account"] for o in opinions}
    return [account for account in experts if account not in signed] if len(experts) > 1 else []


def chosen_specialties(conn: Connection, account: str) -> list[Specialty]:
    named = store.specialties(conn, account)
    return [one for one in get_args(Specialty) if one in named]


def _opinion(ctx: Ctx, row: RowMapping, signed: RowMapping, names: dict[str, str]) -> Opinion:
    """Sealed for everybody but its writer until all are opened."""
    sealed = row["opinions_opened_at"] is None and signed["account"] != ctx.actor
    return Opinion(
        account=signed["account"],
        name=names.get(signed["account"], ""),
        version=signed["version"],
        text=None if sealed else signed["text"],
        dissents=None if sealed else signed["dissents"],
        signed_at=signed["signed_at"],
        digest=signed["digest"],
        independent=not signed["opened_before"],
        sitting=signed["sitting"],
    )


def _turn(row: RowMapping, names: dict[str, str]) -> Turn:
    why = msgspec.json.decode(row["why"], type=list[Why])
    name = names.get(row["account"], "")
    return Turn(row["account"], name, why, row["asked_at"], row["due_at"], row["outcome"], row["reason"])


def _conclusion(
    row: RowMapping,
    signed: RowMapping,
    receipts: dict[tuple[str, int], list[RowMapping]],
    names: dict[str, str],
    *,
    last: bool,
) -> Conclusion:
    content, counter = content_of(signed), counter_of(row, signed, last=last)
    return Conclusion(
        version=signed["version"],
        text=content.text,
        advice=content.advice,
        follow_up=content.follow_up,
        warning_signs=content.warning_signs,
        reason=content.reason,
        signed_by=signed["signed_by"],
        signed_name=names.get(signed["signed_by"], ""),
        signed_at=signed["signed_at"],
        digest=signed["digest"],
        countersigned_name=None if counter is None else names.get(counter.by, ""),
        countersigned_at=None if counter is None else counter.at,
        pdf_at=signed["pdf_at"],
        receipts=[
            Receipt(r["account"], names.get(r["account"], ""), r["at"])
            for r in receipts.get((row["id"], signed["version"]), [])
        ],
    )


def _events(ctx: Ctx, row: RowMapping, members: list[RowMapping], opinions: list[RowMapping]) -> list[str]:
    inside = {m["account"] for m in members}
    experts = {m["account"] for m in members if m["part"] == "expert"}
    signed = {o["account"] for o in opinions}
    invited, requesting = answers(ctx, row), asks(ctx, row)
    may = {
        "accept": invited,
        "decline": invited,
        "return": invited,
        "submit": requesting,
        "file": requesting,
        "cancel": requesting,
        "enter": ctx.actor in inside,
        "help": ctx.actor in inside,
        "schedule": ctx.actor == row["expert"],
        "give_back": ctx.actor == row["expert"],
        "late": ctx.actor == row["expert"],
        "book": requesting and (row["state"] != "submitted" or row["priority"] != "emergency"),
        "wait": requesting,
        "invite": ctx.actor == row["expert"],
        "opine": ctx.actor in experts and len(experts) > 1,
        "open": ctx.actor == row["expert"] and ctx.actor in signed and row["opinions_opened_at"] is None,
        "conclude": ctx.actor == row["expert"],
        "amend": ctx.actor == row["expert"],
        "countersign": requesting,
        "acknowledge": requesting,
        "draft": ctx.actor in experts or (ctx.actor in inside and requesting),
    }
    return [event for event in CONSULT.allowed(row["state"]) if may.get(event, False)]
