"""Messages as they are sent to pages: names, files and mentions beside the rows. A withdrawn one loses its words."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, RowMapping

from server.messages import store
from server.messages.model import Attachment, Mention, Message, Quote
from server.people import store as people


def messages(conn: Connection, rows: Iterable[RowMapping]) -> list[Message]:
    rows = list(rows)
    ids = [row["id"] for row in rows]
    named, files = store.mentions(conn, ids), store.files(conn, ids)
    accounts = {row["author"] for row in rows} | {m["account"] for one in named.values() for m in one}
    names = people.names(conn, accounts)
    told = {one: _mentions(named.get(one, ()), names) for one in ids}
    return [_message(row, names.get(row["author"], ""), told[row["id"]], files.get(row["id"], ())) for row in rows]


def attachment(row: RowMapping) -> Attachment:
    return Attachment(row["id"], row["name"], row["kind"], row["bytes"], row["width"], row["height"])


def _mentions(rows: Iterable[RowMapping], names: dict[str, str]) -> list[Mention]:
    return [Mention(row["account"], names.get(row["account"], ""), row["role"]) for row in rows]


def _message(row: RowMapping, author: str, named: list[Mention], files: Iterable[RowMapping]) -> Message:
    gone = row["withdrawn_at"] is not None
    quote = row["quote"]
    return Message(
        row["id"],
        row["thread"],
        row["client_id"],
        row["author"],
        author,
        row["at"],
        "" if gone else row["text"],
        None if gone or quote is None else msgspec.json.decode(quote, type=Quote),
        row["seq"],
        row["version"],
        row["edited_at"],
        row["withdrawn_at"],
        row["withdraw_reason"],
        named,
        [] if gone else [attachment(file) for file in files],
    )
