"""HTTP of calls for help: decode, call the use case, encode."""

from __future__ import annotations

from server.base.http import Call, Route
from server.consult.help import service
from server.consult.help.model import CallForHelp, HelpCalls
from server.consult.service import Consultations


def routes(room: Consultations) -> tuple[Route, ...]:
    async def ring(call: Call) -> HelpCalls:
        return await service.call(room, call.ctx, call.path["id"], call.body)

    async def of_consult(call: Call) -> HelpCalls:
        return await service.of_consult(room, call.ctx, call.path["id"])

    async def decline(call: Call) -> HelpCalls:
        return await service.decline(room, call.ctx, call.path["id"])

    async def mine(call: Call) -> HelpCalls:
        return await service.mine(room, call.ctx)

    path = "/api/consults/{id}/help"
    return (
        Route("GET", path, "consult.read", of_consult, result=HelpCalls),
        Route("POST", path, "consult.read", ring, body=CallForHelp, result=HelpCalls),
        Route("POST", f"{path}/decline", "consult.read", decline, result=HelpCalls),
        Route("GET", "/api/consult/calls", "consult.read", mine, result=HelpCalls),
    )
