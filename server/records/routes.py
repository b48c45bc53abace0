"""HTTP routes of records: recordings, their samples, analysis and history, request forms."""

from __future__ import annotations

import msgspec

from server.base.http import Call, Raw, Route
from server.records import service
from server.records.model import (
    Compared,
    CompareQuery,
    HistoryLine,
    Identify,
    NewOrder,
    Order,
    Recording,
)
from server.records.service import Records


class SinceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: str = ""
    limit: int = 200
    state: str = ""
    """Only those in this state, oldest first; all of them, newest first, when empty."""


def routes(room: Records) -> tuple[Route, ...]:
    async def one(call: Call) -> Recording:
        return await service.recording(room, call.ctx, call.path["id"])

    async def of_org(call: Call) -> list[Recording]:
        asked = call.query
        return await service.recordings(room, call.ctx, call.path["org"], asked.since, asked.limit, asked.state)

    async def of_patient(call: Call) -> list[Recording]:
        return await service.of_patient(room, call.ctx, call.path["id"])

    async def signal(call: Call) -> Raw:
        # Samples never change once they are sealed: the browser may keep them for the session.
        body = await service.signal(room, call.ctx, call.path["id"])
        return Raw(body, "application/octet-stream", cache_s=3600)

    async def original(call: Call) -> Raw:
        file, name = await service.original(room, call.ctx, call.path["id"])
        return Raw(file, "application/octet-stream", filename=name, attachment=True)

    async def analysis(call: Call) -> Raw:
        return Raw(await service.analysis(room, call.ctx, call.path["id"]), "application/json")

    async def comparison(call: Call) -> Compared:
        return await service.comparison(room, call.ctx, call.path["id"], call.query.against)

    async def history(call: Call) -> list[HistoryLine]:
        return await service.history(room, call.ctx, call.path["id"])

    async def place_order(call: Call) -> Order:
        return await service.place_order(room, call.ctx, call.body)

    async def orders(call: Call) -> list[Order]:
        return await service.orders(room, call.ctx, call.path["org"], call.query.since)

    async def identify(call: Call) -> Recording:
        return await service.identify(room, call.ctx, call.path["id"], call.body.patient)

    read = "recording.read"
    return (
        Route("GET", "/api/recordings/{id}", read, one, result=Recording),
        Route("GET", "/api/orgs/{org}/recordings", read, of_org, query=SinceQuery, result=list[Recording]),
        Route("GET", "/api/patients/{id}/recordings", read, of_patient, result=list[Recording]),
        Route("GET", "/api/recordings/{id}/signal", read, signal),
        Route("GET", "/api/recordings/{id}/original", read, original),
        Route("GET", "/api/recordings/{id}/analysis", read, analysis),
        Route("GET", "/api/recordings/{id}/comparison", read, comparison, query=CompareQuery, result=Compared),
        Route("GET", "/api/recordings/{id}/history", read, history, result=list[HistoryLine]),
        Route("POST", "/api/orders", "recording.order", place_order, body=NewOrder, result=Order),
        Route("GET", "/api/orgs/{org}/orders", read, orders, query=SinceQuery, result=list[Order]),
        Route("POST", "/api/recordings/{id}/identify", "recording.identify", identify, body=Identify, result=Recording),
    )
