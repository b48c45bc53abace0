"""Tables of messages and their queries. `seq` is the order of storing; ids of one millisecond have none.

Nothing is ever taken out of `message`, `message_version` or `message_file`: an edit keeps the text before it, what is
withdrawn keeps its own. `message_gram` is only an index over them and can be made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from server.base.errors import NotFound
from server.base.schema import event, metadata
from server.base.upsert import upsert

message = Table(
    "message",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("thread", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("quote", Text),
    Column("version", Integer, nullable=False, default=1),
    Column("edited_at", Text),
    Column("withdrawn_at", Text),
    Column("withdraw_reason", Text, nullable=False, default=""),
    # How many rows of the index it has; empty: not looked at yet, as in the database of an earlier commit.
    Column("grams", Integer),
    Index("message_thread", "thread", "seq"),
    # Exactly once: the author's own id of a message is stored once.
    Index("message_client", "author", "client_id", unique=True),
    Index("message_unindexed", "seq", sqlite_where=text("grams IS NULL"), postgresql_where=text("grams IS NULL")),
    sqlite_autoincrement=True,
)

version = Table(
    "message_version",  # the texts before the present one
    metadata,
    Column("message", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("text", Text, nullable=False),
)

thread = Table(
    "message_thread_head",
    metadata,
    Column("id", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Index("message_thread_org", "org", "last_seq"),
)

read_mark = Table(
    "message_read",
    metadata,
    Column("thread", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("at", Text, nullable=False),
    Index("message_read_account", "account"),
)

received = Table(
    "message_received",  # one number a person: what his pages were told of, over all threads
    metadata,
    Column("account", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("at", Text, nullable=False),
)

mention = Table(
    "message_mention",
    metadata,
    Column("message", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("role", Text, nullable=False, default=""),
    Index("message_mention_account", "account"),
)

gram = Table(
    "message_gram",
    metadata,
    Column("gram", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

file = Table(
    "message_file",
    metadata,
    Column("id", Text, primary_key=True),
    Column("thread", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("blob", Text, nullable=False),
    Column("message", Text),  # empty until the message that it was attached to is sent
    Index("message_file_message", "message"),
)


def add_message(conn: Connection, **values: Any) -> int:
    """Returns its `seq`."""
    done = conn.execute(insert(message).values(**values))
    return int(done.inserted_primary_key[0])  # type: ignore[index]  # an insert of one row has one


def update_message(conn: Connection, message_id: str, **values: Any) -> None:
    conn.execute(update(message).where(message.c.id == message_id).values(**values))


def message_row(conn: Connection, message_id: str) -> RowMapping:
    """The bare row. Raises NotFound."""
    row = conn.execute(select(message).where(message.c.id == message_id)).mappings().first()
    if row is None:
        raise NotFound(kind="message")
    return row


def sent_before(conn: Connection, author: str, client_id: str) -> RowMapping | None:
    query = select(message).where(message.c.author == author, message.c.client_id == client_id)
    return conn.execute(query).mappings().first()


def thread_after(conn: Connection, thread_id: str, seq: int, limit: int) -> list[RowMapping]:
    """The messages of a thread behind `seq`, in the order they were stored."""
    query = select(message).where(message.c.thread == thread_id, message.c.seq > seq)
    return list(conn.execute(query.order_by(message.c.seq).limit(limit)).mappings())


def thread_before(conn: Connection, thread_id: str, seq: int | None, limit: int) -> list[RowMapping]:
    """The last messages of a thread before `seq` (None: the newest), in the order they were stored."""
    query = select(message).where(message.c.thread == thread_id)
    if seq is not None:
        query = query.where(message.c.seq < seq)
    rows = list(conn.execute(query.order_by(message.c.seq.desc()).limit(limit)).mappings())
    return rows[::-1]


def last_seq(conn: Connection) -> int:
    return int(conn.execute(select(func.coalesce(func.max(message.c.seq), 0))).scalar_one())


def by_seq(conn: Connection, seqs: Iterable[int]) -> list[RowMapping]:
    return list(conn.execute(select(message).where(message.c.seq.in_(list(seqs)))).mappings())


# --- versions ---------------------------------------------------------------------------------------------------------


def add_version(conn: Connection, **values: Any) -> None:
    conn.execute(insert(version).values(**values))


def versions(conn: Connection, message_id: str) -> list[RowMapping]:
    """The texts before the present one, oldest first."""
    query = select(version).where(version.c.message == message_id).order_by(version.c.version)
    return list(conn.execute(query).mappings())


# --- threads ----------------------------------------------------------------------------------------------------------


def head(conn: Connection, thread_id: str, org: str, seq: int) -> None:
    """The thread has this message as its last."""
    row = upsert(thread).values(id=thread_id, org=org, last_seq=seq)
    conn.execute(row.on_conflict_do_update(index_elements=["id"], set_={"org": org, "last_seq": seq}))


def thread_head(conn: Connection, thread_id: str) -> RowMapping | None:
    return conn.execute(select(thread).where(thread.c.id == thread_id)).mappings().first()


def heads(conn: Connection, orgs: Iterable[str], ids: Iterable[str], limit: int) -> list[RowMapping]:
    """Threads of these institutions and these threads, the one last written in first."""
    query = select(thread).where(or_(thread.c.org.in_(list(orgs)), thread.c.id.in_(list(ids))))
    return list(conn.execute(query.order_by(thread.c.last_seq.desc()).limit(limit)).mappings())


def taking_part(conn: Connection, account: str, limit: int) -> list[str]:
    """Threads in which he wrote or was named, the newest first."""
    named = select(mention.c.message).where(mention.c.account == account)
    query = (
        select(message.c.thread, func.max(message.c.seq).label("last"))
        .where(or_(message.c.author == account, message.c.id.in_(named)))
        .group_by(message.c.thread)
        .order_by(text("last DESC"))
        .limit(limit)
    )
    return [row.thread for row in conn.execute(query)]


def unread(conn: Connection, account: str, threads: Sequence[str], since: str) -> dict[str, tuple[int, int]]:
    """Of each thread with any: messages of others that he has not read, and how many of them name him.

    since  older ones do not count (the day his account was made).
    """
    marks = and_(read_mark.c.thread == message.c.thread, read_mark.c.account == account)
    names = and_(mention.c.message == message.c.id, mention.c.account == account)
    query = (
        select(message.c.thread, func.count().label("all"), func.count(mention.c.account).label("named"))
        .outerjoin(read_mark, marks)
        .outerjoin(mention, names)
        .where(
            message.c.thread.in_(list(threads)),
            message.c.author != account,
            message.c.withdrawn_at.is_(None),
            message.c.seq > func.coalesce(read_mark.c.seq, 0),
            message.c.at >= since,
        )
        .group_by(message.c.thread)
    )
    return {row.thread: (row.all, row.named) for row in conn.execute(query)}


# --- read and received ------------------------------------------------------------------------------------------------


def mark_read(conn: Connection, thread_id: str, account: str, seq: int, at: str) -> bool:
    """Forward only. Whether it moved."""
    row = upsert(read_mark).values(thread=thread_id, account=account, seq=seq, at=at)
    done = conn.execute(
        row.on_conflict_do_update(
            index_elements=["thread", "account"], set_={"seq": seq, "at": at}, where=read_mark.c.seq < seq
        )
    )
    return done.rowcount > 0


def mark_received(conn: Connection, account: str, seq: int, at: str) -> None:
    """Forward only."""
    row = upsert(received).values(account=account, seq=seq, at=at)
    conn.execute(
        row.on_conflict_do_update(index_elements=["account"], set_={"seq": seq, "at": at}, where=received.c.seq < seq)
    )


def marks(conn: Connection, thread_id: str, accounts: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(read, received) of everybody who has read in the thread, and of `accounts`."""
    reads = {
        row.account: row.seq
        for row in conn.execute(select(read_mark.c.account, read_mark.c.seq).where(read_mark.c.thread == thread_id))
    }
    everybody = {*reads, *accounts}
    query = select(received.c.account, received.c.seq).where(received.c.account.in_(everybody))
    got = {row.account: row.seq for row in conn.execute(query)}
    return {a: (reads.get(a, 0), max(got.get(a, 0), reads.get(a, 0))) for a in everybody if a in reads or a in got}


# --- who was named ----------------------------------------------------------------------------------------------------


def add_mentions(conn: Connection, message_id: str, named: dict[str, str]) -> None:
    """`named`: account to the role by which he was named."""
    if named:
        rows = [{"message": message_id, "account": account, "role": role} for account, role in named.items()]
        conn.execute(insert(mention), rows)


def mentions(conn: Connection, messages: Iterable[str]) -> dict[str, list[RowMapping]]:
    query = select(mention).where(mention.c.message.in_(list(messages))).order_by(mention.c.account)
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["message"], []).append(row)
    return found


# --- files ------------------------------------------------------------------------------------------------------------


def add_file(conn: Connection, **values: Any) -> None:
    conn.execute(insert(file).values(**values))


def file_row(conn: Connection, file_id: str) -> RowMapping:
    """Raises NotFound."""
    row = conn.execute(select(file).where(file.c.id == file_id)).mappings().first()
    if row is None:
        raise NotFound(kind="file")
    return row


def attach(conn: Connection, message_id: str, thread_id: str, author: str, files: Sequence[str]) -> bool:
    """Whether all of them were his, of this thread and free."""
    free = (file.c.id.in_(files), file.c.thread == thread_id, file.c.author == author, file.c.message.is_(None))
    return conn.execute(update(file).where(*free).values(message=message_id)).rowcount == len(files)


def files(conn: Connection, messages: Iterable[str]) -> dict[str, list[RowMapping]]:
    query = select(file).where(file.c.message.in_(list(messages))).order_by(file.c.at, file.c.id)
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["message"], []).append(row)
    return found


# --- search -----------------------------------------------------------------------------------------------------------


def set_grams(conn: Connection, seq: int, rows: Set[str], before: Set[str] = frozenset()) -> None:
    """The rows of one message in the index; `before` are those it has from an earlier text."""
    if gone := before - rows:
        conn.execute(delete(gram).where(gram.c.seq == seq, gram.c.gram.in_(gone)))
    if new := rows - before:
        conn.execute(insert(gram), [{"gram": one, "seq": seq} for one in new])
    conn.execute(update(message).where(message.c.seq == seq).values(grams=len(rows)))


def unindexed(conn: Connection, limit: int) -> list[RowMapping]:
    query = select(message).where(message.c.grams.is_(None)).order_by(message.c.seq).limit(limit)
    return list(conn.execute(query).mappings())


def org_told(conn: Connection, thread_id: str) -> str | None:
    """The institution that the log names with a thread's last message."""
    query = select(event.c.org).where(event.c.subject == thread_id, event.c.kind == "message.sent")
    return conn.execute(query.order_by(event.c.id.desc()).limit(1)).scalar()


def search(
    conn: Connection, pairs: Sequence[str], orgs: Iterable[str], ids: Iterable[str], before: int | None, limit: int
) -> list[RowMapping]:
    """Messages that have every pair, in threads of these institutions or these threads; the newest first.

    A pair of one character stands for all that begin with it.
    """
    first, *others = pairs
    query = (
        select(message)
        .join(thread, thread.c.id == message.c.thread)
        .where(
            message.c.seq.in_(_having(first)),
            message.c.withdrawn_at.is_(None),
            or_(thread.c.org.in_(list(orgs)), thread.c.id.in_(list(ids))),
        )
    )
    for other in others:
        query = query.where(message.c.seq.in_(_having(other)))
    if before is not None:
        query = query.where(message.c.seq < before)
    return list(conn.execute(query.order_by(message.c.seq.desc()).limit(limit)).mappings())


def _having(pair: str) -> Any:
    if len(pair) > 1:
        return select(gram.c.seq).where(gram.c.gram == pair)
    # By code point, as every text is compared (server/base/engines.py).
    return select(gram.c.seq).where(gram.c.gram >= pair, gram.c.gram <= pair + chr(0x10FFFF))
