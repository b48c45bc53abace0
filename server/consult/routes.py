"""HTTP of the consultation room: decode, call the use case, encode."""

from __future__ import annotations

from server.base.http import Call, Route
from server.consult import opinions, papers, schedule, service
from server.consult.media.model import EnterQuery
from server.consult.model import (
    Checklists,
    Conclude,
    Consult,
    Consults,
    ConsultsQuery,
    CountersignQuery,
    Enter,
    Experts,
    Invite,
    NewConsent,
    NewDocument,
    NewOpinion,
    Reason,
    RequestConsult,
    Resubmit,
    Schedule,
    Skills,
)
from server.consult.service import Consultations


def routes(room: Consultations) -> tuple[Route, ...]:
    async def consults(call: Call) -> Consults:
        return await service.consults(room, call.ctx, only_open=call.query.open, recording=call.query.recording)

    async def one(call: Call) -> Consult:
        return await service.one(room, call.ctx, call.path["id"])

    async def request(call: Call) -> Consult:
        return await service.request(room, call.ctx, call.body)

    async def accept(call: Call) -> Consult:
        return await service.accept(room, call.ctx, call.path["id"])

    async def decline(call: Call) -> Consult:
        return await service.decline(room, call.ctx, call.path["id"], call.body)

    async def send_back(call: Call) -> Consult:
        return await service.send_back(room, call.ctx, call.path["id"], call.body)

    async def mend(call: Call) -> Consult:
        return await service.mend(room, call.ctx, call.path["id"], call.body)

    async def add_document(call: Call) -> Consult:
        return await service.add_document(room, call.ctx, call.path["id"], call.body)

    async def add_consent(call: Call) -> Consult:
        return await service.add_consent(room, call.ctx, call.path["id"], call.body)

    async def skills(call: Call) -> Skills:
        return await service.skills(room, call.ctx)

    async def set_skills(call: Call) -> Skills:
        return await service.set_skills(room, call.ctx, call.body)

    async def set_time(call: Call) -> Consult:
        return await schedule.schedule(room, call.ctx, call.path["id"], call.body)

    async def experts(call: Call) -> Experts:
        return await opinions.experts(room)

    async def invite(call: Call) -> Consult:
        return await opinions.invite(room, call.ctx, call.path["id"], call.body)

    async def opine(call: Call) -> Consult:
        return await opinions.opine(room, call.ctx, call.path["id"], call.body)

    async def open_opinions(call: Call) -> Consult:
        return await opinions.open_all(room, call.ctx, call.path["id"])

    async def checklists(call: Call) -> Checklists:
        return papers.checklists()

    async def submit(call: Call) -> Consult:
        return await service.submit(room, call.ctx, call.path["id"])

    async def cancel(call: Call) -> Consult:
        return await service.cancel(room, call.ctx, call.path["id"])

    async def enter(call: Call) -> Enter:
        return await service.enter(room, call.ctx, call.path["id"], call.query.seat)

    async def conclude(call: Call) -> Consult:
        return await service.conclude(room, call.ctx, call.path["id"], call.body)

    async def amend(call: Call) -> Consult:
        return await service.amend(room, call.ctx, call.path["id"], call.body)

    async def countersign(call: Call) -> Consult:
        return await service.countersign(room, call.ctx, call.path["id"], call.query.digest)

    path = "/api/consults/{id}"
    return (
        Route("GET", "/api/consults", "consult.read", consults, query=ConsultsQuery, result=Consults),
        Route("POST", "/api/consults", "consult.request", request, body=RequestConsult, result=Consult),
        Route("GET", path, "consult.read", one, result=Consult),
        Route("PUT", path, "consult.request", mend, body=Resubmit, result=Consult),
        Route("GET", "/api/consult/checklists", "consult.read", checklists, result=Checklists),
        Route("GET", "/api/consult/skills", "consult.answer", skills, result=Skills),
        Route("PUT", "/api/consult/skills", "consult.answer", set_skills, body=Skills, result=Skills),
        Route("POST", f"{path}/documents", "consult.request", add_document, body=NewDocument, result=Consult),
        Route("POST", f"{path}/consent", "consult.request", add_consent, body=NewConsent, result=Consult),
        Route("POST", f"{path}/submit", "consult.request", submit, result=Consult),
        Route("POST", f"{path}/cancel", "consult.request", cancel, result=Consult),
        Route("POST", f"{path}/accept", "consult.answer", accept, result=Consult),
        Route("POST", f"{path}/decline", "consult.answer", decline, body=Reason, result=Consult),
        Route("POST", f"{path}/return", "consult.answer", send_back, body=Reason, result=Consult),
        Route("POST", f"{path}/enter", "consult.read", enter, query=EnterQuery, result=Enter),
        Route("POST", f"{path}/schedule", "consult.answer", set_time, body=Schedule, result=Consult),
        Route("GET", "/api/consult/experts", "consult.answer", experts, result=Experts),
        Route("POST", f"{path}/experts", "consult.answer", invite, body=Invite, result=Consult),
        Route("POST", f"{path}/opinions", "consult.answer", opine, body=NewOpinion, result=Consult),
        Route("POST", f"{path}/opinions/open", "consult.answer", open_opinions, result=Consult),
        Route("POST", f"{path}/conclude", "consult.answer", conclude, body=Conclude, result=Consult),
        Route("POST", f"{path}/amend", "consult.answer", amend, body=Conclude, result=Consult),
        Route("POST", f"{path}/countersign", "consult.request", countersign, query=CountersignQuery, result=Consult),
    )
