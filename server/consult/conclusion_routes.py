"""HTTP of a conclusion's paper and its receipt: decode, call the use case, encode."""

from __future__ import annotations

from server.base.http import Call, Raw, Route
from server.consult import conclusion
from server.consult.conclusion import Printing
from server.consult.model import ConclusionPdfQuery, Consult
from server.consult.service import Consultations


def routes(room: Consultations, printing: Printing) -> tuple[Route, ...]:
    async def pdf(call: Call) -> Raw:
        raw, filename = await conclusion.pdf(room, printing, call.ctx, call.path["id"], call.query)
        return Raw(raw, "application/pdf", filename=filename)

    async def read(call: Call) -> Consult:
        return await conclusion.acknowledge(room, call.ctx, call.path["id"])

    path = "/api/consults/{id}/conclusion"
    return (
        Route("GET", f"{path}/pdf", "consult.read", pdf, query=ConclusionPdfQuery, result=Raw),
        Route("POST", f"{path}/read", "consult.request", read, result=Consult),
    )
