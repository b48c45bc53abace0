"""HTTP of the alerts room: decode, call the use case, encode."""

from __future__ import annotations

from server.alerts import service
from server.alerts.escalation import Alerts
from server.alerts.model import (
    Alert,
    AlertsQuery,
    Challenge,
    Close,
    NewCallback,
    OnDuty,
    ReadBack,
    Refute,
    RegisterQuery,
)
from server.alerts.model import Alerts as AlertList
from server.base.http import Call, Raw, Route


def routes(room: Alerts) -> tuple[Route, ...]:
    async def open_alerts(call: Call) -> AlertList:
        return await service.open_alerts(room, call.ctx, only_open=call.query.open, limit=call.query.limit)

    async def one(call: Call) -> Alert:
        return await service.one(room, call.ctx, call.path["id"])

    async def challenge(call: Call) -> Challenge:
        return await service.challenge_of(room, call.ctx, call.path["id"])

    async def delivered(call: Call) -> Alert:
        return await service.delivered(room, call.ctx, call.path["id"])

    async def see(call: Call) -> Alert:
        return await service.see(room, call.ctx, call.path["id"])

    async def read_back(call: Call) -> Alert:
        return await service.read_back(room, call.ctx, call.path["id"], call.body)

    async def pass_on(call: Call) -> Alert:
        return await service.pass_on(room, call.ctx, call.path["id"])

    async def call_back(call: Call) -> Alert:
        return await service.call_back(room, call.ctx, call.path["id"], call.body)

    async def close(call: Call) -> Alert:
        return await service.close(room, call.ctx, call.path["id"], call.body)

    async def refute(call: Call) -> Alert:
        return await service.refute(room, call.ctx, call.path["id"], call.body)

    async def duty(call: Call) -> OnDuty:
        return await service.start_duty(room, call.ctx)

    async def register(call: Call) -> Raw:
        query: RegisterQuery = call.query
        table = await service.register_csv(room, call.ctx, query.from_at, query.to_at, query.lang)
        return Raw(table, "text/csv", filename="critical-value-register.csv")

    return (
        Route("GET", "/api/alerts", "alert.read", open_alerts, query=AlertsQuery, result=AlertList),
        Route("GET", "/api/alerts/{id}", "alert.read", one, result=Alert),
        Route("GET", "/api/alerts/{id}/challenge", "alert.answer", challenge, result=Challenge),
        Route("POST", "/api/alerts/{id}/delivered", "alert.answer", delivered, result=Alert),
        Route("POST", "/api/alerts/{id}/seen", "alert.answer", see, result=Alert),
        Route("POST", "/api/alerts/{id}/read-back", "alert.answer", read_back, body=ReadBack, result=Alert),
        Route("POST", "/api/alerts/{id}/pass-on", "alert.answer", pass_on, result=Alert),
        Route("POST", "/api/alerts/{id}/callback", "alert.answer", call_back, body=NewCallback, result=Alert),
        Route("POST", "/api/alerts/{id}/close", "alert.answer", close, body=Close, result=Alert),
        Route("POST", "/api/alerts/{id}/refute", "alert.refute", refute, body=Refute, result=Alert),
        Route("GET", "/api/alerts-register", "alert.register", register, query=RegisterQuery),
        Route("POST", "/api/duty/start", "alert.answer", duty, result=OnDuty),
    )
