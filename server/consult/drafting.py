"""The conclusion while they speak: questions, skeleton and the room's clock, filled by both sides and seen by both.

Saved as it is typed, field by field: two who write in different fields at once lose nothing, of one field the later
word counts. Nothing of it is signed and nothing is told to the institutions; when both have signed it is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec
from sqlalchemy import Connection, RowMapping

from server.base.context import Ctx
from server.base.database import Tx
from server.consult import papers, store
from server.consult.access import name_of, visible
from server.consult.errors import NotAMember, OnlyWatches
from server.consult.model import CONSULT, Draft, DraftChange, Question
from server.consult.service import Consultations
from server.people import store as people

QUESTIONS_MAX = 20
_SENTENCE_END = re.compile(r"(?<=[？?；;。])\s*|\n+")


class Content(msgspec.Struct, frozen=True):
    """What is stored of a draft."""

    questions: list[Question] = []
    text: str = ""
    advice: str = ""
    follow_up: str = ""
    warning_signs: str = ""


class News(msgspec.Struct, frozen=True):
    """To the other members' pages: there is more to read."""

    consult: str
    rev: int
    kind: Literal["drafted"] = "drafted"


@dataclass(frozen=True)
class Drafting:
    """tell: (account, body) reaches the open pages of one account, or nobody."""

    room: Consultations
    tell: Callable[[str, bytes], None]


async def draft(at: Drafting, ctx: Ctx, consult_id: str) -> Draft:
    """For a member; before anything was saved, the request's questions and nothing else."""

    def look(conn: Connection) -> Draft:
        row = visible(conn, ctx, consult_id)
        _members(conn, ctx, consult_id)
        return _view(conn, row)

    return await at.room.db.read(look)


async def save(at: Drafting, ctx: Ctx, consult_id: str, change: DraftChange) -> Draft:
    """Keep what was typed, and tell the others' pages. Raises NotAMember, OnlyWatches, ConsultTextMissing."""
    _check(change)

    def work(tx: Tx) -> tuple[Draft, list[str]]:
        row = visible(tx.conn, ctx, consult_id)
        members = _members(tx.conn, ctx, consult_id)
        if any(m["account"] == ctx.actor and m["part"] == "observer" for m in members):
            raise OnlyWatches
        CONSULT.move(row["state"], "draft")
        known = store.draft_row(tx.conn, consult_id)
        said = {k: v for k, v in msgspec.structs.asdict(change).items() if v is not None}
        content = msgspec.structs.replace(_content(row, known), **said)
        store.put_draft(
            tx.conn, consult_id, rev=1 + (known["rev"] if known else 0),
            content=msgspec.json.encode(content).decode(), saved_by=ctx.actor, saved_at=tx.now,
        )  # fmt: skip
        return _view(tx.conn, row), [m["account"] for m in members]

    saved, accounts = await at.room.db.write(work, actor=ctx.actor)
    news = msgspec.json.encode(News(consult_id, saved.rev))
    for account in accounts:
        at.tell(account, news)
    return saved


def questions_of(purpose: str) -> list[Question]:
    """The request's question, one a sentence."""
    parts = (part.strip() for part in _SENTENCE_END.split(purpose))
    return [Question(part) for part in parts if part][:QUESTIONS_MAX]


def _view(conn: Connection, row: RowMapping) -> Draft:
    known = store.draft_row(conn, row["id"])
    content = _content(row, known)
    return Draft(
        rev=known["rev"] if known else 0,
        questions=content.questions,
        text=content.text,
        advice=content.advice,
        follow_up=content.follow_up,
        warning_signs=content.warning_signs,
        saved_name=name_of(conn, known["saved_by"]) if known else "",
        saved_at=known["saved_at"] if known else None,
        began_at=row["began_at"],
    )


def _content(row: RowMapping, known: RowMapping | None) -> Content:
    if known is None:
        return Content(questions_of(row["purpose"]))
    return msgspec.json.decode(known["content"], type=Content)


def _members(conn: Connection, ctx: Ctx, consult_id: str) -> list[RowMapping]:
    members = store.members(conn, [consult_id]).get(consult_id, [])
    if ctx.actor not in {m["account"] for m in members}:
        raise NotAMember(names="、".join(people.names(conn, (m["account"] for m in members)).values()))
    return members


def _check(change: DraftChange) -> None:
    """A draft may be empty, not endless."""
    texts: Iterable[tuple[str, str | None, int]] = (
        ("text", change.text, papers.LONG_MAX), ("advice", change.advice, papers.LONG_MAX),
        ("follow_up", change.follow_up, papers.SHORT_MAX), ("warning_signs", change.warning_signs, papers.SHORT_MAX),
    )  # fmt: skip
    for name, text, limit in texts:
        if text is not None and len(text) > limit:
            papers.need(name, text, limit)
    for question in change.questions or ():
        papers.need("questions", question.text, papers.SHORT_MAX)
    if len(change.questions or ()) > QUESTIONS_MAX:
        papers.need("questions", "", QUESTIONS_MAX)
