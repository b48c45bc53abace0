"""HTTP of a conclusion's draft: decode, call the use case, encode. A save is of one moment; no repeat is kept of it."""

from __future__ import annotations

from server.base.http import Call, Route
from server.consult import drafting
from server.consult.drafting import Drafting
from server.consult.model import Draft, DraftChange
from server.consult.service import Consultations


def routes(_room: Consultations, at: Drafting) -> tuple[Route, ...]:
    async def draft(call: Call) -> Draft:
        return await drafting.draft(at, call.ctx, call.path["id"])

    async def save(call: Call) -> Draft:
        return await drafting.save(at, call.ctx, call.path["id"], call.body)

    path = "/api/consults/{id}/draft"
    return (
        Route("GET", path, "consult.read", draft, result=Draft),
        Route("PUT", path, "consult.read", save, body=DraftChange, result=Draft, kept=False),
    )
