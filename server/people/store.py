"""Tables and queries of institutions, accounts, sessions and the rota."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from server.base.schema import metadata
from server.people.model import AccountView, GrantView, Org, Shift

org = Table(
    "org",
    metadata,
    Column("id", Text, primary_key=True),
    Column("parent", Text),
    Column("level", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("phone", Text, nullable=False, default=""),
    Column("reading_centre", Text),
)

account = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("password", Text, nullable=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", Text),
    Column("created_at", Text, nullable=False),
    Column("last_sign_in_at", Text),
)

membership = Table(
    "membership",
    metadata,
    Column("account", Text, primary_key=True),
    Column("org", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Index("membership_org", "org", "role"),
)

session = Table(
    "session",
    metadata,
    # The hash of the cookie, never the cookie: who reads the database cannot sign in with it.
    Column("token", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("used_at", Text, nullable=False),
    Column("unlocked_until", Text),
    Index("session_account", "account"),
)

shift = Table(
    "shift",
    metadata,
    Column("id", Text, primary_key=True),
    Column("centre", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("from_at", Text, nullable=False),
    Column("to_at", Text, nullable=False),
    Index("shift_centre", "centre", "line", "from_at"),
)


def orgs(conn: Connection) -> list[Org]:
    """The whole tree, parents before children."""
    rows = {row.id: row for row in conn.execute(select(org))}

    def path(one: str) -> tuple[str, ...]:
        parent = rows[one].parent
        return (*(path(parent) if parent in rows else ()), one)

    def centre(one: str) -> str | None:
        # The nearest setting on the way up: a township without its own takes its county's or city's.
        return next((rows[o].reading_centre for o in reversed(path(one)) if rows[o].reading_centre), None)

    views = [Org(r.id, r.parent, r.level, r.name, r.name_en, r.phone, path(r.id), centre(r.id)) for r in rows.values()]
    return sorted(views, key=lambda o: (len(o.path), o.id))


def add_org(conn: Connection, **values: str | None) -> None:
    conn.execute(insert(org).values(**values))


def add_account(conn: Connection, grants: Iterable[GrantView], **values: str | bool | None) -> None:
    conn.execute(insert(account).values(**values))
    for grant in grants:
        conn.execute(insert(membership).values(account=values["id"], org=grant.org, role=grant.role))


def account_by_login(conn: Connection, login: str) -> Row[Any] | None:
    return conn.execute(select(account).where(account.c.login == login)).first()


def account_row(conn: Connection, account_id: str) -> Row[Any] | None:
    return conn.execute(select(account).where(account.c.id == account_id)).first()


def grants(conn: Connection, account_id: str) -> list[GrantView]:
    rows = conn.execute(select(membership).where(membership.c.account == account_id).order_by(membership.c.role))
    return [GrantView(r.role, r.org) for r in rows]


def accounts(conn: Connection) -> list[AccountView]:
    rows = conn.execute(select(account).order_by(account.c.login)).all()
    return [AccountView(r.id, r.login, r.name, r.title, r.active, grants(conn, r.id), r.last_sign_in_at) for r in rows]


def account_count(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(account)).scalar_one()


def names(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Names of accounts, for pages that show who did something."""
    wanted = set(ids)
    rows = conn.execute(select(account.c.id, account.c.name).where(account.c.id.in_(wanted)))
    return {r.id: r.name for r in rows}


def holders(conn: Connection, role: str, orgs_in: Iterable[str]) -> list[str]:
    """Active accounts with `role` in one of `orgs_in`."""
    rows = conn.execute(
        select(membership.c.account)
        .join(account, account.c.id == membership.c.account)
        .where(membership.c.role == role, membership.c.org.in_(list(orgs_in)), account.c.active)
        .order_by(membership.c.account)
    )
    return [r.account for r in rows]


def staff(conn: Connection, orgs_in: Iterable[str]) -> list[tuple[str, str]]:
    """(account, role) of everybody active in one of `orgs_in`; who has a role in two of them stands once."""
    rows = conn.execute(
        select(membership.c.account, membership.c.role)
        .join(account, account.c.id == membership.c.account)
        .where(membership.c.org.in_(list(orgs_in)), account.c.active)
        .distinct()
        .order_by(membership.c.account, membership.c.role)
    )
    return [(r.account, r.role) for r in rows]


def update_account(conn: Connection, account_id: str, **values: str | int | bool | None) -> None:
    conn.execute(update(account).where(account.c.id == account_id).values(**values))


def add_session(conn: Connection, token: str, account_id: str, now: str, unlocked_until: str) -> None:
    conn.execute(
        insert(session).values(
            token=token, account=account_id, started_at=now, used_at=now, unlocked_until=unlocked_until
        )
    )


def session_row(conn: Connection, token: str) -> Row[Any] | None:
    return conn.execute(select(session).where(session.c.token == token)).first()


def update_session(conn: Connection, token: str, **values: str) -> None:
    conn.execute(update(session).where(session.c.token == token).values(**values))


def drop_session(conn: Connection, token: str) -> None:
    conn.execute(delete(session).where(session.c.token == token))


def drop_idle_sessions(conn: Connection, used_before: str) -> None:
    """Sessions nobody has used for so long that they have ended anyway."""
    conn.execute(delete(session).where(session.c.used_at < used_before))


def drop_sessions(conn: Connection, account_id: str) -> None:
    conn.execute(delete(session).where(session.c.account == account_id))


def drop_other_sessions(conn: Connection, account_id: str, token: str) -> None:
    conn.execute(delete(session).where(session.c.account == account_id, session.c.token != token))


def add_shift(conn: Connection, **values: str | int) -> None:
    conn.execute(insert(shift).values(**values))


def drop_shift(conn: Connection, shift_id: str, centre: str) -> None:
    conn.execute(delete(shift).where(shift.c.id == shift_id, shift.c.centre == centre))


def shifts(conn: Connection, centre: str, from_at: str, to_at: str) -> list[Shift]:
    rows = conn.execute(
        select(shift, account.c.name)
        .join(account, account.c.id == shift.c.account)
        .where(shift.c.centre == centre, shift.c.from_at < to_at, shift.c.to_at > from_at)
        .order_by(shift.c.from_at, shift.c.line)
    )
    return [Shift(r.id, r.centre, r.line, r.account, r.name, r.from_at, r.to_at) for r in rows]


def on_duty(conn: Connection, centre: str, at: str) -> list[Shift]:
    """Who is on call for `centre` at this moment, first line first; stopped accounts are left out."""
    rows = conn.execute(
        select(shift, account.c.name)
        .join(account, account.c.id == shift.c.account)
        .where(shift.c.centre == centre, shift.c.from_at <= at, shift.c.to_at > at, account.c.active)
        .order_by(shift.c.line, shift.c.from_at)
    )
    return [Shift(r.id, r.centre, r.line, r.account, r.name, r.from_at, r.to_at) for r in rows]
