"""HTTP of sittings: decode, call the use case, encode."""

from __future__ import annotations

from server.base.errors import NotFound
from server.base.http import Call, Route
from server.consult.service import Consultations
from server.consult.sittings import series
from server.consult.sittings.model import CloseSitting, NewMinutes, PlanSitting, Seat, Sittings


def routes(room: Consultations) -> tuple[Route, ...]:
    async def sittings(call: Call) -> Sittings:
        return await series.sittings(room, call.ctx, call.path["id"])

    async def add(call: Call) -> Sittings:
        return await series.plan(room, call.ctx, call.path["id"], call.body)

    async def plan(call: Call) -> Sittings:
        return await series.plan(room, call.ctx, call.path["id"], call.body, _number(call))

    async def cancel(call: Call) -> Sittings:
        return await series.cancel(room, call.ctx, call.path["id"], _number(call))

    async def begin(call: Call) -> Sittings:
        return await series.begin(room, call.ctx, call.path["id"], _number(call))

    async def reseat(call: Call) -> Sittings:
        return await series.reseat(room, call.ctx, call.path["id"], _number(call), call.body)

    async def close(call: Call) -> Sittings:
        return await series.close(room, call.ctx, call.path["id"], _number(call), call.body)

    async def minutes(call: Call) -> Sittings:
        return await series.write_minutes(room, call.ctx, call.path["id"], _number(call), call.body)

    path = "/api/consults/{id}/sittings"
    one = f"{path}/{{number}}"
    return (
        Route("GET", path, "consult.read", sittings, result=Sittings),
        Route("POST", path, "consult.answer", add, body=PlanSitting, result=Sittings),
        Route("PUT", one, "consult.answer", plan, body=PlanSitting, result=Sittings),
        Route("POST", f"{one}/cancel", "consult.answer", cancel, result=Sittings),
        Route("POST", f"{one}/open", "consult.answer", begin, result=Sittings),
        Route("POST", f"{one}/seat", "consult.answer", reseat, body=Seat, result=Sittings),
        Route("POST", f"{one}/close", "consult.answer", close, body=CloseSitting, result=Sittings),
        Route("POST", f"{one}/minutes", "consult.read", minutes, body=NewMinutes, result=Sittings),
    )


def _number(call: Call) -> int:
    said = call.path["number"]
    if not said.isascii() or not said.isdigit() or len(said) > 6:
        raise NotFound(kind="sitting")
    return int(said)
