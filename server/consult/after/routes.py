"""HTTP of the time after a conclusion: decode, call the use case, encode."""

from __future__ import annotations

from server.base.http import Call, Route
from server.consult.after import service
from server.consult.after.model import (
    After,
    FollowUps,
    GiveFeedback,
    ReportOutcome,
    Satisfaction,
    SatisfactionQuery,
    TickTask,
)
from server.consult.service import Consultations


def routes(room: Consultations) -> tuple[Route, ...]:
    async def after(call: Call) -> After:
        return await service.after(room, call.ctx, call.path["id"])

    async def tick(call: Call) -> After:
        return await service.tick(room, call.ctx, call.path["id"], call.body)

    async def report(call: Call) -> After:
        return await service.report(room, call.ctx, call.path["id"], call.body)

    async def give(call: Call) -> After:
        return await service.give(room, call.ctx, call.path["id"], call.body)

    async def follow_ups(call: Call) -> FollowUps:
        return await service.follow_ups(room, call.ctx)

    async def satisfaction(call: Call) -> Satisfaction:
        return await service.satisfaction(room, call.ctx, call.query.days)

    path = "/api/consults/{id}"
    measured = "/api/consult/satisfaction"
    return (
        Route("GET", f"{path}/after", "consult.read", after, result=After),
        Route("POST", f"{path}/after/advice", "consult.request", tick, body=TickTask, result=After),
        Route("POST", f"{path}/after/outcome", "consult.request", report, body=ReportOutcome, result=After),
        Route("POST", f"{path}/after/feedback", "consult.read", give, body=GiveFeedback, result=After),
        Route("GET", "/api/consult/follow-ups", "consult.read", follow_ups, result=FollowUps),
        Route("GET", measured, "consult.measure", satisfaction, query=SatisfactionQuery, result=Satisfaction),
    )
