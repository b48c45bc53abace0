"""Files of a thread: taken in, kept beside the messages, given out to those who may see the thread.

What a file really is and its cleaning is `pictures.py`, in a worker. A file belongs to its uploader until a message of
his names it; until then nobody else sees it.
"""

from __future__ import annotations

import unicodedata
from concurrent.futures.process import BrokenProcessPool
from hashlib import sha256

from sqlalchemy import Connection

from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.http import Raw
from server.base.ids import new_id
from server.messages import store, views
from server.messages.model import Attachment
from server.messages.pictures import BYTES_MAX, refused
from server.messages.service import Messages

NAME_MAX = 80
ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}


def safe_name(name: str, kind: str) -> str:
    """The file's own name without path, control and direction characters, and with the ending of what it is."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in last if unicodedata.category(c)[0] not in "CZ" or c == " ").strip(". ")
    stem, dot, ending = shown.rpartition(".")
    known = {*ENDINGS.values(), ".jpeg"}
    stem = stem if dot and f".{ending.lower()}" in known else shown
    return f"{stem[:NAME_MAX].strip('. ') or '附件'}{ENDINGS[kind]}"


async def upload(room: Messages, ctx: Ctx, thread: str, name: str, content: bytes) -> Attachment:
    """Raises NotFound, Forbidden, FileRefused."""
    ctx.require("message.write")
    await room.db.read(lambda conn: room.cases.org(conn, ctx, thread))
    if not 0 < len(content) <= BYTES_MAX:
        raise refused("it is empty or too large")
    try:
        cleaned = await room.clean(content)
    except (TimeoutError, BrokenProcessPool):
        raise refused("reading it takes too long") from None
    digest = sha256(cleaned.content).hexdigest()
    blob = f"messages/{digest[:2]}/{digest}"
    await room.blobs.put(blob, cleaned.content)

    def work(tx: Tx) -> Attachment:
        room.cases.org(tx.conn, ctx, thread)
        file_id = new_id("fil")
        store.add_file(
            tx.conn,
            id=file_id,
            thread=thread,
            author=ctx.actor,
            at=tx.now,
            name=safe_name(name, cleaned.kind),
            kind=cleaned.kind,
            bytes=len(cleaned.content),
            width=cleaned.width,
            height=cleaned.height,
            blob=blob,
        )
        return views.attachment(store.file_row(tx.conn, file_id))

    return await room.db.write(work, actor=ctx.actor)


async def given(room: Messages, ctx: Ctx, file_id: str) -> Raw:
    """The bytes, for who may see the thread; into the audit trail, but for who sent them. Raises NotFound: also for a
    withdrawn message's file."""

    def look(conn: Connection) -> tuple[str, str, str, str, bool]:
        row = store.file_row(conn, file_id)
        org = room.cases.org(conn, ctx, row["thread"])
        if row["message"] is None:
            if row["author"] != ctx.actor:
                raise NotFound(kind="file")
        elif store.message_row(conn, row["message"])["withdrawn_at"] is not None:
            raise NotFound(kind="file")
        return row["blob"], row["kind"], row["name"], org, row["author"] == ctx.actor

    blob, kind, name, org, own = await room.db.read(look)
    if not own:
        await room.db.write(
            lambda tx: tx.append("message.file_given", file_id, org, {}, topic="audit"), actor=ctx.actor
        )
    # A picture is our own encoding and may stand in a page; a document is whatever somebody sent.
    is_picture = kind.startswith("image/")
    return Raw(await room.blobs.get(blob), kind, name, attachment=not is_picture)
