"""The threads a person has before him: what is new to him, what names him, and the search over all he may see."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.messages import grams, store, views
from server.messages.errors import SearchTooShort
from server.messages.model import Hit, Hits, Inbox, ReceivedUpTo, ThreadAbout, ThreadLine
from server.messages.service import Messages
from server.people import store as people

LINES_MAX = 200
QUERY_MAX = 50
PAGE = 100
PAGES_MAX = 20
"""How many pages of rows a search looks through for what fits: words that stand together, threads that are his."""


async def inbox(room: Messages, ctx: Ctx, *, mine: bool, limit: int) -> Inbox:
    """The threads, last written first: his own, or all that he may see. `unread` counts his own in both."""

    def look(conn: Connection) -> Inbox:
        count = max(1, min(limit, LINES_MAX))
        own = _own(room, conn, ctx)
        home = set(ctx.orgs())
        wide = home if mine else _visible(conn, ctx)
        rows = [row for row in store.heads(conn, wide, own, count) if room.cases.seen(conn, ctx, row["id"])]
        account = people.account_row(conn, ctx.actor)
        since = "" if account is None else account.created_at
        new = store.unread(conn, ctx.actor, [row["id"] for row in rows], since)
        newest = store.by_seq(conn, (row["last_seq"] for row in rows))
        last = {message.seq: message for message in views.messages(conn, newest)}
        lines = [
            ThreadLine(
                row["id"],
                _about(room, conn, row["id"]),
                last[row["last_seq"]],
                *new.get(row["id"], (0, 0)),
                mine=row["id"] in own or row["org"] in home,
            )
            for row in rows
        ]
        return Inbox(lines, sum(line.unread for line in lines if line.mine), store.last_seq(conn))

    return await room.db.read(look)


async def received(room: Messages, ctx: Ctx, mark: ReceivedUpTo) -> None:
    """A page of this person was told of everything up to that number. It never goes back, and not beyond what is."""

    def work(tx: Tx) -> None:
        store.mark_received(tx.conn, ctx.actor, min(mark.seq, store.last_seq(tx.conn)), tx.now)

    await room.db.write(work, actor=ctx.actor)


async def search(room: Messages, ctx: Ctx, *, query: str, limit: int) -> Hits:
    """Messages that hold every word of the query, in threads that are this person's, the newest first."""
    words = grams.plain(query).split()
    if not words or len(query) > QUERY_MAX:
        raise SearchTooShort(limit=QUERY_MAX)
    count = max(1, min(limit, PAGE))

    def look(conn: Connection) -> Hits:
        orgs, own = _visible(conn, ctx), _own(room, conn, ctx)
        seen: dict[str, bool] = {}
        found: list[RowMapping] = []
        before: int | None = None
        for _ in range(PAGES_MAX):
            rows = store.search(conn, grams.wanted(query), orgs, own, before, PAGE)
            for row in rows:
                # The pairs may stand apart in the text: only the words themselves are a hit.
                text = grams.plain(row["text"])
                if not all(word in text for word in words):
                    continue
                if row["thread"] not in seen:
                    seen[row["thread"]] = room.cases.seen(conn, ctx, row["thread"])
                if seen[row["thread"]]:
                    found.append(row)
            if len(rows) < PAGE or len(found) >= count:
                break
            before = rows[-1]["seq"]
        told = views.messages(conn, found[:count])
        return Hits([Hit(message, _about(room, conn, message.thread)) for message in told])

    return await room.db.read(look)


def _own(room: Messages, conn: Connection, ctx: Ctx) -> set[str]:
    """Threads that are his whatever their institution: he wrote there, was named, or belongs to the consultation."""
    return {*store.taking_part(conn, ctx.actor, LINES_MAX), *room.cases.threads(conn, ctx.actor)}


def _visible(conn: Connection, ctx: Ctx) -> set[str]:
    return {org.id for org in people.orgs(conn) if ctx.may("recording.read", org.id)}


async def about(room: Messages, ctx: Ctx, thread: str) -> ThreadAbout:
    """What a thread is about, before anything was written in it. Raises NotFound: not there, or not this person's."""

    def look(conn: Connection) -> ThreadAbout:
        room.cases.org(conn, ctx, thread)
        return _about(room, conn, thread)

    return await room.db.read(look)


def _about(room: Messages, conn: Connection, thread: str) -> ThreadAbout:
    try:
        return room.cases.about(conn, thread)
    except NotFound:
        return ThreadAbout("site", "", "")
