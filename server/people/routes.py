"""HTTP routes of people: session, accounts, rota, audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from server.base.http import PUBLIC, SIGNED_IN, Call, Route
from server.people import service
from server.people.model import (
    AccountView,
    AuditPage,
    ChangePassword,
    CreateAccount,
    Me,
    NewShift,
    Org,
    Shift,
    SignIn,
    Ticket,
    Unlock,
)
from server.people.service import People


@dataclass(frozen=True)
class LivePasses:
    """What the session routes need of the live pages; `main.py` hands in the real ones."""

    ticket: Callable[[Call], str]
    revoked: Callable[[str], Awaitable[None]]


class RotaQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    centre: str
    from_at: str
    to_at: str


class CentreQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    centre: str


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    before: int | None = None
    limit: int = 100


def routes(people: People, live: LivePasses) -> tuple[Route, ...]:
    async def sign_in(call: Call) -> Me:
        cookie, ctx = await service.sign_in(people, call.body.login.strip(), call.body.password)
        call.set_cookie(cookie)
        return await service.me(people, ctx)

    async def sign_out(call: Call) -> None:
        await service.sign_out(people, call.ctx)
        await live.revoked(call.ctx.session)
        call.set_cookie(None)

    async def me(call: Call) -> Me:
        return await service.me(people, call.ctx)

    async def unlock(call: Call) -> Me:
        await service.unlock(people, call.ctx, call.body.password)
        return await service.me(people, call.ctx)

    async def password(call: Call) -> None:
        await service.change_password(people, call.ctx, call.body.old, call.body.new)

    async def ticket(call: Call) -> Ticket:
        return Ticket(live.ticket(call))

    async def orgs(call: Call) -> list[Org]:
        return (await service.me(people, call.ctx)).orgs

    async def accounts(call: Call) -> list[AccountView]:
        return await service.accounts(people, call.ctx)

    async def create(call: Call) -> AccountView:
        return await service.create_account(people, call.ctx, call.body)

    async def stop(call: Call) -> None:
        await service.stop_account(people, call.ctx, call.path["id"])
        await live.revoked(call.path["id"])

    async def rota(call: Call) -> list[Shift]:
        return await service.shifts(people, call.ctx, call.query.centre, call.query.from_at, call.query.to_at)

    async def add_shift(call: Call) -> Shift:
        return await service.add_shift(people, call.ctx, call.body)

    async def drop_shift(call: Call) -> None:
        await service.drop_shift(people, call.ctx, call.query.centre, call.path["id"])

    async def audit(call: Call) -> AuditPage:
        return await service.audit(people, call.ctx, call.query.before, call.query.limit)

    return (
        Route("POST", "/api/session", PUBLIC, sign_in, body=SignIn, result=Me),
        Route("DELETE", "/api/session", SIGNED_IN, sign_out),
        Route("GET", "/api/me", SIGNED_IN, me, result=Me),
        Route("POST", "/api/session/unlock", SIGNED_IN, unlock, body=Unlock, result=Me),
        Route("POST", "/api/session/password", SIGNED_IN, password, body=ChangePassword),
        Route("POST", "/api/ws-ticket", SIGNED_IN, ticket, result=Ticket),
        Route("GET", "/api/orgs", "org.read", orgs, result=list[Org]),
        Route("GET", "/api/admin/accounts", "people.admin", accounts, result=list[AccountView]),
        Route("POST", "/api/admin/accounts", "people.admin", create, body=CreateAccount, result=AccountView),
        Route("POST", "/api/admin/accounts/{id}/stop", "people.admin", stop),
        Route("GET", "/api/rota", "rota.read", rota, query=RotaQuery, result=list[Shift]),
        Route("POST", "/api/rota", "rota.admin", add_shift, body=NewShift, result=Shift),
        Route("DELETE", "/api/rota/{id}", "rota.admin", drop_shift, query=CentreQuery),
        Route("GET", "/api/admin/audit", "audit.read", audit, query=AuditQuery, result=AuditPage),
    )
