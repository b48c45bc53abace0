"""Use cases of people: sign in and out, who somebody is, accounts, the rota, the audit trail.

Passwords are argon2id hashes; a session is a random cookie of which only the hash is stored. What a role may do stands
in `access.py`, not here.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Literal

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.low_level import ARGON2_VERSION
from sqlalchemy import Connection

from server.base import eventlog
from server.base.clock import Clock, iso, later, seconds_between
from server.base.context import Ctx, Grant, Judge
from server.base.database import Database, Tx
from server.base.errors import BadInput, NotSignedIn, StorageFull
from server.base.ids import new_id
from server.people import store
from server.people.access import RULES, judge
from server.people.errors import AccountRests, LoginTaken, SignLocked, UnknownOrg, WeakPassword, WrongLogin
from server.people.model import AccountView, AuditLine, AuditPage, CreateAccount, GrantView, Me, NewShift, Org, Shift

log = structlog.get_logger()

TRIES_MAX = 5
REST_MIN = 15
SESSION_S = 12 * 3600
IDLE_S = 8 * 3600
"""A shift: who leaves the page alone for longer signs in again."""
TOUCH_S = 60
UNLOCK_S = 30 * 60
PASSWORD_MIN = 8
COMMON = frozenset({"password", "12345678", "123456789", "1234567890", "qwertyui", "11111111", "88888888"})


def nobodys_hash(hasher: PasswordHasher) -> str:
    """A hash that no password has. Verified when the login is unknown: that takes as long as for a known one.

    Drawn, not computed: an argon2 hash is meant to be slow, and a start waits for it.
    """
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


@dataclass
class People:
    """The room. `reload` after the tree of institutions changed."""

    db: Database
    clock: Clock
    hub_name: str
    demo: bool = False
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    tree: dict[str, Org] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.judge: Judge = judge(self.path_of)
        self._nobody = nobodys_hash(self.hasher)

    def path_of(self, org: str) -> tuple[str, ...]:
        known = self.tree.get(org)
        return known.path if known else ()

    def below(self, org: str) -> list[str]:
        """`org` and every institution under it."""
        return [o.id for o in self.tree.values() if org in o.path]

    async def reload(self) -> None:
        self.tree = {o.id: o for o in await self.db.read(store.orgs)}

    def nobody_hash(self) -> str:
        return self._nobody


def system_ctx(people: People) -> Ctx:
    """The hub itself acting in a reaction."""
    return Ctx("system", "", (), people.judge)


def token_hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


async def authenticate(people: People, cookie: str | None) -> Ctx | None:
    """Who sends this cookie, or None. A session ends SESSION_S after sign-in or IDLE_S after its last use."""
    if not cookie:
        return None
    token = token_hash(cookie)
    found = await _session(people, token)
    if found is None:
        return None
    ctx, idle = found
    if idle > TOUCH_S:
        with contextlib.suppress(StorageFull):  # who only reads may go on
            await people.db.write(lambda tx: store.update_session(tx.conn, token, used_at=tx.now))
    return ctx


async def session_alive(people: People, token: str) -> bool:
    """Whether the session behind a live page still stands. Asking does not prolong it."""
    return await _session(people, token) is not None


async def _session(people: People, token: str) -> tuple[Ctx, float] | None:
    """The person of a session and for how many seconds it has been idle; None when it has ended."""
    now = iso(people.clock.now())

    def look(conn: Connection) -> tuple[Ctx, float] | None:
        row = store.session_row(conn, token)
        if row is None:
            return None
        idle = seconds_between(row.used_at, now)
        if idle > IDLE_S or seconds_between(row.started_at, now) > SESSION_S:
            return None
        account = store.account_row(conn, row.account)
        if account is None or not account.active:
            return None
        grants = tuple(Grant(g.role, g.org) for g in store.grants(conn, row.account))
        return Ctx(row.account, account.name, grants, people.judge, token), idle

    return await people.db.read(look)


async def sign_in(people: People, login: str, password: str) -> tuple[str, Ctx]:
    """A fresh cookie and its person. Raises WrongLogin, AccountRests."""
    row = await people.db.read(lambda conn: store.account_by_login(conn, login))
    now = iso(people.clock.now())
    if row is not None and row.locked_until and row.locked_until > now:
        raise AccountRests(until_at=row.locked_until)
    stored = row.password if row is not None else people.nobody_hash()
    right = await asyncio.to_thread(_matches, people.hasher, stored, password)
    if row is None or not row.active or not right:
        if row is not None:
            await people.db.write(lambda tx: _count_failure(tx, row.id), actor=row.id)
        raise WrongLogin(tries=TRIES_MAX, rest_min=REST_MIN)
    cookie = secrets.token_urlsafe(32)

    def start(tx: Tx) -> None:
        store.update_account(tx.conn, row.id, failures=0, locked_until=None, last_sign_in_at=tx.now)
        store.add_session(tx.conn, token_hash(cookie), row.id, tx.now, later(tx.now, UNLOCK_S))
        tx.append("session.started", row.id, _home_org(tx.conn, row.id), {})

    await people.db.write(start, actor=row.id)
    ctx = await authenticate(people, cookie)
    assert ctx is not None
    return cookie, ctx


async def sign_out(people: People, ctx: Ctx) -> None:
    def end(tx: Tx) -> None:
        store.drop_session(tx.conn, ctx.session)
        tx.append("session.ended", ctx.actor, _home_org(tx.conn, ctx.actor), {})

    await people.db.write(end, actor=ctx.actor)


async def unlock(people: People, ctx: Ctx, password: str) -> None:
    """Prove the person again: signing is open for UNLOCK_S. Raises WrongLogin, AccountRests."""
    await _prove(people, ctx.actor, password)
    await people.db.write(
        lambda tx: store.update_session(tx.conn, ctx.session, unlocked_until=later(tx.now, UNLOCK_S)), actor=ctx.actor
    )


def require_unlocked(conn: Connection, ctx: Ctx, now: str) -> None:
    """Before every signature: the session was unlocked with the password not long ago. Raises SignLocked."""
    session = store.session_row(conn, ctx.session)
    if session is None or session.account != ctx.actor or (session.unlocked_until or "") <= now:
        raise SignLocked


async def change_password(people: People, ctx: Ctx, old: str, new: str) -> None:
    await _prove(people, ctx.actor, old)
    hashed = await hash_password(people, new)

    def change(tx: Tx) -> None:
        store.update_account(tx.conn, ctx.actor, password=hashed)
        store.drop_other_sessions(tx.conn, ctx.actor, ctx.session)
        tx.append("account.password_changed", ctx.actor, _home_org(tx.conn, ctx.actor), {})

    await people.db.write(change, actor=ctx.actor)


async def hash_password(people: People, password: str) -> str:
    """Raises WeakPassword."""
    if len(password) < PASSWORD_MIN or password.lower() in COMMON:
        raise WeakPassword(length_min=PASSWORD_MIN)
    return await asyncio.to_thread(people.hasher.hash, password)


async def me(people: People, ctx: Ctx) -> Me:
    def look(conn: Connection) -> Me:
        account = store.account_row(conn, ctx.actor)
        session = store.session_row(conn, ctx.session)
        if account is None or session is None:
            raise NotSignedIn
        return Me(
            id=ctx.actor,
            login=account.login,
            name=account.name,
            title=account.title,
            grants=store.grants(conn, ctx.actor),
            rules=[name for name in RULES if ctx.may(name)],
            orgs=_visible(people, ctx),
            home=_home(ctx),
            unlocked_until=session.unlocked_until,
            hub_name=people.hub_name,
            demo=people.demo,
        )

    return await people.db.read(look)


async def create_account(people: People, ctx: Ctx, new: CreateAccount) -> AccountView:
    """Raises Forbidden, WeakPassword, LoginTaken, UnknownOrg."""
    for grant in new.grants:
        if grant.org not in people.tree:
            raise UnknownOrg(org=grant.org)
        ctx.require("people.admin", grant.org)
    if not new.grants or not new.login.strip():
        raise BadInput(reason="an account needs a login and at least one role in one institution")
    hashed = await hash_password(people, new.password)
    account_id = new_id("usr")

    def add(tx: Tx) -> AccountView:
        if store.account_by_login(tx.conn, new.login) is not None:
            raise LoginTaken(login=new.login)
        store.add_account(
            tx.conn, new.grants, id=account_id, login=new.login, name=new.name, title=new.title, password=hashed,
            created_at=tx.now,
        )  # fmt: skip
        tx.append("account.created", account_id, new.grants[0].org, {"roles": [g.role for g in new.grants]})
        return AccountView(account_id, new.login, new.name, new.title, True, list(new.grants), None)

    return await people.db.write(add, actor=ctx.actor)


async def accounts(people: People, ctx: Ctx) -> list[AccountView]:
    everybody = await people.db.read(store.accounts)
    return [a for a in everybody if any(ctx.may("people.admin", g.org) for g in a.grants)]


async def stop_account(people: People, ctx: Ctx, account_id: str) -> None:
    """Nobody signs in with it any more, and its sessions end now."""

    def stop(tx: Tx) -> None:
        grants = store.grants(tx.conn, account_id)
        ctx.see("account", "people.admin", grants[0].org if grants else "")
        store.update_account(tx.conn, account_id, active=False)
        store.drop_sessions(tx.conn, account_id)
        tx.append("account.stopped", account_id, grants[0].org, {})

    await people.db.write(stop, actor=ctx.actor)


async def shifts(people: People, ctx: Ctx, centre: str, from_at: str, to_at: str) -> list[Shift]:
    ctx.see("rota", "rota.read", centre)
    return await people.db.read(lambda conn: store.shifts(conn, centre, from_at, to_at))


async def add_shift(people: People, ctx: Ctx, new: NewShift) -> Shift:
    ctx.require("rota.admin", new.centre)
    if not new.from_at < new.to_at or new.line not in (1, 2, 3):
        raise BadInput(reason="a shift needs a line of 1 to 3 and an end after its start")

    def add(tx: Tx) -> Shift:
        name = store.names(tx.conn, [new.account]).get(new.account)
        if name is None:
            raise BadInput(reason="there is no such account")
        shift = Shift(new_id("shf"), new.centre, new.line, new.account, name, new.from_at, new.to_at)
        put_shift(tx, shift)
        return shift

    return await people.db.write(add, actor=ctx.actor)


def put_shift(tx: Tx, shift: Shift) -> None:
    store.add_shift(
        tx.conn, id=shift.id, centre=shift.centre, line=shift.line, account=shift.account, from_at=shift.from_at,
        to_at=shift.to_at,
    )  # fmt: skip
    tx.append("rota.added", shift.id, shift.centre, {"line": shift.line, "account": shift.account})


async def drop_shift(people: People, ctx: Ctx, centre: str, shift_id: str) -> None:
    ctx.require("rota.admin", centre)

    def drop(tx: Tx) -> None:
        store.drop_shift(tx.conn, shift_id, centre)
        tx.append("rota.removed", shift_id, centre, {})

    await people.db.write(drop, actor=ctx.actor)


async def audit(people: People, ctx: Ctx, before: int | None, limit: int) -> AuditPage:
    """The newest lines before `before` of the institutions this person may audit, and whether the chain is whole."""

    def look(conn: Connection) -> AuditPage:
        lines = eventlog.newest(conn, before, min(limit, 500))
        mine = [e for e in lines if not e.org or ctx.may("audit.read", e.org)]
        names = store.names(conn, {e.actor for e in mine})
        whole = eventlog.verify_chain(conn, lines[-1].id - 1 if lines else 0).broken_at is None
        page = [AuditLine(e.id, e.at, e.kind, e.subject, e.org, e.actor, names.get(e.actor, e.actor)) for e in mine]
        return AuditPage(page, whole)

    return await people.db.read(look)


def _visible(people: People, ctx: Ctx) -> list[Org]:
    """Institutions below the person's own, those above them (to ask), and the centre that reads for them."""
    own = set(ctx.orgs())
    above = {o for org in own for o in people.path_of(org)}
    return [o for o in people.tree.values() if o.id in above or own & set(o.path)]


def _home(ctx: Ctx) -> Literal["clinic", "worklist", "on_call", "admin"]:
    """The page a person starts on: where his most urgent work is."""
    roles = {g.role for g in ctx.grants}
    if roles & {"reader", "reviewer"}:
        return "worklist"
    if roles & {"on_call", "general_duty", "expert"}:
        return "on_call"
    return "admin" if roles <= {"admin", "auditor", "quality_officer"} else "clinic"


def _home_org(conn: Connection, account_id: str) -> str:
    grants: list[GrantView] = store.grants(conn, account_id)
    return grants[0].org if grants else ""


async def _prove(people: People, account_id: str, password: str) -> None:
    row = await people.db.read(lambda conn: store.account_row(conn, account_id))
    if row is None:
        raise NotSignedIn
    if row.locked_until and row.locked_until > iso(people.clock.now()):
        raise AccountRests(until_at=row.locked_until)
    if not await asyncio.to_thread(_matches, people.hasher, row.password, password):
        await people.db.write(lambda tx: _count_failure(tx, account_id), actor=account_id)
        raise WrongLogin(tries=TRIES_MAX, rest_min=REST_MIN)


def _matches(hasher: PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password)
    except VerificationError:
        return False


def _count_failure(tx: Tx, account_id: str) -> None:
    row = store.account_row(tx.conn, account_id)
    if row is None:
        return
    failures = row.failures + 1
    rests = later(tx.now, REST_MIN * 60) if failures % TRIES_MAX == 0 else None
    store.update_account(tx.conn, account_id, failures=failures, locked_until=rests)
    tx.append("session.refused", account_id, _home_org(tx.conn, account_id), {"failures": failures})
