"""HTTP routes of the worklist and of reports: decode, call the use case, encode."""

from __future__ import annotations

from base64 import b64encode

from server.base.http import SIGNED_IN, Call, Raw, Route
from server.reading import service, signing
from server.reading.catalogue import catalogue
from server.reading.model import (
    AmendReport,
    Catalogue,
    DraftReport,
    PdfQuery,
    Report,
    ReportPages,
    ReturnRecording,
    SignReport,
    Worklist,
    WorklistQuery,
    WorklistRow,
)
from server.reading.service import Reading
from server.records.model import Recording


def routes(room: Reading) -> tuple[Route, ...]:
    async def page(call: Call) -> Worklist:
        return await service.worklist(room, call.ctx, call.query)

    async def row(call: Call) -> WorklistRow:
        return await service.worklist_row(room, call.ctx, call.path["id"])

    async def claim(call: Call) -> WorklistRow:
        return await service.claim(room, call.ctx, call.path["id"])

    async def release(call: Call) -> WorklistRow:
        return await service.release(room, call.ctx, call.path["id"])

    async def send_back(call: Call) -> Recording:
        return await service.send_back(room, call.ctx, call.path["id"], call.body)

    async def reports(call: Call) -> list[Report]:
        return await signing.reports(room, call.ctx, call.path["id"])

    async def draft(call: Call) -> Report:
        return await signing.save_draft(room, call.ctx, call.path["id"], call.body)

    async def sign(call: Call) -> Report:
        return await signing.sign(room, call.ctx, call.path["id"], call.body)

    async def amend(call: Call) -> Report:
        return await signing.amend(room, call.ctx, call.path["id"], call.body)

    async def pdf(call: Call) -> Raw:
        raw, filename = await signing.pdf(room, call.ctx, call.path["id"], call.query.lang)
        return Raw(raw, "application/pdf", filename=filename)

    async def pages(call: Call) -> ReportPages:
        drawn = await signing.pages(room, call.ctx, call.path["id"], call.query.lang)
        return ReportPages([b64encode(page).decode() for page in drawn])

    async def pick_list(call: Call) -> Catalogue:
        return catalogue()

    recording = "/api/recordings/{id}"
    return (
        Route("GET", "/api/worklist", "worklist.read", page, query=WorklistQuery, result=Worklist),
        Route("GET", "/api/worklist/{id}", "worklist.read", row, result=WorklistRow),
        Route("POST", f"{recording}/claim", "report.write", claim, result=WorklistRow),
        Route("POST", f"{recording}/release", "report.write", release, result=WorklistRow),
        Route("POST", f"{recording}/return", "report.write", send_back, body=ReturnRecording, result=Recording),
        Route("GET", f"{recording}/reports", "recording.read", reports, result=list[Report]),
        Route("PUT", f"{recording}/draft", "report.write", draft, body=DraftReport, result=Report),
        Route("POST", f"{recording}/sign", "report.sign", sign, body=SignReport, result=Report),
        Route("POST", "/api/reports/{id}/amend", "report.sign", amend, body=AmendReport, result=Report),
        Route("GET", "/api/reports/{id}/pdf", "recording.read", pdf, query=PdfQuery, result=Raw),
        Route("GET", "/api/reports/{id}/pages", "recording.read", pages, query=PdfQuery, result=ReportPages),
        Route("GET", "/api/catalogue", SIGNED_IN, pick_list, result=Catalogue),
    )
