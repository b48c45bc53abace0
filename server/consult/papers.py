"""The papers of a consultation: documents beforehand by checklist, how complete they are, and the consent.

The checks are pure; `file_papers` and `file_consent` write within a use case's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import get_args

import msgspec
from sqlalchemy import RowMapping

from server.base.context import Ctx
from server.base.database import Tx
from server.consult import store
from server.consult.errors import ConsentMissing, ConsentUnsigned, ConsultTextMissing, WantedTimeUnreadable
from server.consult.model import (
    Checklist,
    Checklists,
    Completeness,
    ConsentPaper,
    Disease,
    Document,
    DocumentKind,
    NewConsent,
    NewDocument,
    Stroke,
)

SHORT_MAX = 1000
LONG_MAX = 8000
STROKE_POINTS_MAX = 4000
"""A signature is some hundred points; the rest would be somebody's drawing."""

NEEDED: dict[Disease, tuple[DocumentKind, ...]] = {
    "chest_pain": ("history", "vitals", "medication", "troponin", "allergy"),
    "arrhythmia": ("history", "vitals", "medication", "potassium", "echo"),
    "syncope": ("history", "vitals", "medication", "family_history"),
    "heart_failure": ("history", "vitals", "medication", "labs", "echo", "x_ray"),
    "stroke": ("history", "vitals", "medication", "labs", "ct"),
    "child": ("history", "vitals", "weight", "labs"),
    "other": ("history", "vitals", "medication"),
}
"""What an expert of our consortium asks for first. Beside these every request needs the ECG, a summary and consent."""


def checklists() -> Checklists:
    return Checklists([Checklist(disease, list(NEEDED[disease])) for disease in get_args(Disease)])


def completeness(disease: Disease, given: Collection[str], *, consent: bool) -> Completeness:
    """The ECG and the summary are there or the request would not be; `given` are kinds of documents."""
    needed = NEEDED[disease]
    missing: list[str] = [kind for kind in needed if kind not in given]
    if not consent:
        missing.append("consent")
    whole = len(needed) + len(("ecg", "summary", "consent"))
    return Completeness(100 * (whole - len(missing)) // whole, missing)


def need(text_of: str, text: str, limit: int) -> None:
    """Raises ConsultTextMissing."""
    if not 0 < len(text.strip()) <= limit:
        raise ConsultTextMissing(text_of=text_of, limit=limit)


def check_request(purpose: str, summary: str, documents: Iterable[NewDocument]) -> None:
    """Raises ConsultTextMissing."""
    need("purpose", purpose, SHORT_MAX)
    need("summary", summary, LONG_MAX)
    for one in documents:
        need(one.kind, one.text, LONG_MAX)


def check_wanted(wanted_at: str | None) -> None:
    """Raises WantedTimeUnreadable: not a moment in UTC as the hub writes it."""
    if wanted_at is None:
        return
    try:
        datetime.strptime(wanted_at, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        raise WantedTimeUnreadable from None


def check_consent(consent: str, priority: str, paper: NewConsent | None, *, kept: bool = False) -> None:
    """Only an emergency goes before its paper. `kept`: one is filed already. Raises ConsentMissing, ConsentUnsigned."""
    if consent == "emergency" and priority != "emergency":
        raise ConsentMissing
    if consent == "written" and not kept and (paper is None or paper.kind != "written"):
        raise ConsentMissing
    if paper is not None:
        check_paper(paper, priority)


def check_paper(paper: NewConsent, priority: str) -> None:
    """Raises ConsentMissing: two doctors stand in for the patient only in an emergency. Raises ConsentUnsigned."""
    doctors = paper.kind == "two_doctors"
    if doctors and priority != "emergency":
        raise ConsentMissing
    drawn = sum(len(stroke) for stroke in paper.strokes)
    if (
        not 0 < len(paper.by.strip()) <= SHORT_MAX
        or len(paper.note) > SHORT_MAX
        or doctors != (paper.relation == "doctor")
        or (doctors and not paper.note.strip())
        or (paper.form == "screen" and drawn < 2)
        or drawn > STROKE_POINTS_MAX
    ):
        raise ConsentUnsigned


def file_documents(tx: Tx, ctx: Ctx, consult_id: str, new: Iterable[NewDocument]) -> list[str]:
    """Each text that is not there yet becomes the next version of its kind. Returns the kinds that changed."""
    changed: list[str] = []
    for one in new:
        text = one.text.strip()
        before = store.documents(tx.conn, [consult_id]).get(consult_id, {}).get(one.kind)
        if before is not None and before["text"] == text:
            continue
        version = 1 if before is None else before["version"] + 1
        store.add_document(
            tx.conn, consult=consult_id, kind=one.kind, version=version, text=text, by=ctx.actor, at=tx.now
        )
        changed.append(one.kind)
    return changed


def file_consent(tx: Tx, ctx: Ctx, consult_id: str, paper: NewConsent) -> None:
    before = store.consents(tx.conn, [consult_id]).get(consult_id)
    store.add_consent(
        tx.conn, consult=consult_id, version=1 if before is None else before["version"] + 1, kind=paper.kind,
        form=paper.form, by=paper.by.strip(), relation=paper.relation, note=paper.note.strip(),
        strokes=msgspec.json.encode(paper.strokes).decode(), taken_by=ctx.actor, at=tx.now,
    )  # fmt: skip


def document_view(row: RowMapping, names: Mapping[str, str]) -> Document:
    return Document(row["kind"], row["text"], row["version"], names.get(row["by"], ""), row["at"])


def consent_view(row: RowMapping, names: Mapping[str, str]) -> ConsentPaper:
    return ConsentPaper(
        row["kind"], row["by"], row["relation"], row["form"], row["note"],
        msgspec.json.decode(row["strokes"], type=list[Stroke]), names.get(row["taken_by"], ""), row["at"],
    )  # fmt: skip
