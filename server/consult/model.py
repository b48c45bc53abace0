"""Consultations: what is stored and sent, and their states."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.base.states import Row, StateTable
from server.consult.floor import Drawn
from server.consult.media.model import MediaSeat
from server.records.model import Patient

Priority = Literal["emergency", "routine"]
Consent = Literal["written", "emergency"]
Specialty = Literal[
    "cardiology", "emergency", "critical_care", "neurology", "neurosurgery", "respiratory", "endocrine", "paediatrics",
    "obstetrics", "general",
]  # fmt: skip
Title = Literal["any", "attending", "associate_chief", "chief"]
Disease = Literal["chest_pain", "arrhythmia", "syncope", "heart_failure", "stroke", "child", "other"]
DocumentKind = Literal[
    "history", "vitals", "medication", "allergy", "family_history", "weight", "labs", "troponin", "potassium", "echo",
    "x_ray", "ct",
]  # fmt: skip
Relation = Literal["self", "spouse", "parent", "child", "sibling", "guardian", "doctor"]
Stroke = list[tuple[int, int]]
"""One line of a signature drawn on the screen: points in CSS pixels from the field's corner."""

CONSULT = StateTable(
    name="consult",
    start="draft",
    rows=(
        Row("draft", "submit", "submitted", by="requester"),
        Row("submitted", "accept", "accepted", by="expert"),
        Row("submitted", "decline", "declined", by="expert"),
        Row("submitted", "return", "returned", by="expert"),
        Row("submitted", "pass_on", "submitted", by="expert, timer"),
        Row("returned", "submit", "submitted", by="requester"),
        Row("accepted", "schedule", "scheduled", by="expert"),
        Row("scheduled", "schedule", "scheduled", by="expert"),
        Row("no_show", "schedule", "scheduled", by="expert"),
        Row("submitted", "book", "submitted", by="requester"),
        *(Row(state, "book", "scheduled", by="requester") for state in ("accepted", "scheduled", "no_show")),
        *(Row(state, "wait", state, by="requester") for state in ("accepted", "scheduled", "no_show")),
        Row("scheduled", "give_back", "accepted", by="expert, coordinator"),
        Row("scheduled", "late", "scheduled", by="expert"),
        Row("accepted", "enter", "in_progress", by="member"),
        Row("scheduled", "enter", "in_progress", by="member"),
        Row("in_progress", "enter", "in_progress", by="member"),
        Row("concluding", "enter", "concluding", by="member"),
        Row("in_progress", "help", "in_progress", by="member"),
        Row("concluding", "help", "concluding", by="member"),
        Row("in_progress", "conclude", "concluding", by="expert"),
        Row("accepted", "conclude", "concluding", by="expert"),
        Row("concluding", "conclude", "concluding", by="expert"),
        Row("concluding", "countersign", "concluded", by="requester"),
        Row("concluded", "amend", "concluding", by="expert"),
        Row("followed_up", "amend", "concluding", by="expert"),
        Row("concluded", "acknowledge", "concluded", by="requester"),
        Row("followed_up", "acknowledge", "followed_up", by="requester"),
        Row("concluded", "follow_up", "followed_up", by="requester"),
        Row("followed_up", "follow_up", "followed_up", by="requester"),
        *(Row(state, "tick", state, by="requester") for state in ("concluded", "followed_up")),
        *(Row(state, "answer", state, by="requester, expert") for state in ("concluded", "followed_up")),
        *(
            Row(state, "file", state, by="requester")
            for state in ("submitted", "returned", "accepted", "scheduled", "in_progress", "concluding")
        ),
        *(Row(state, "invite", state, by="expert") for state in ("accepted", "scheduled", "in_progress")),
        *(Row(state, "opine", state, by="expert") for state in ("accepted", "scheduled", "in_progress", "concluding")),
        *(
            Row(state, "draft", state, by="requester, expert")
            for state in ("accepted", "scheduled", "in_progress", "concluding")
        ),
        *(Row(state, "open", state, by="expert") for state in ("accepted", "scheduled", "in_progress", "concluding")),
        Row("submitted", "cancel", "cancelled", by="requester"),
        Row("returned", "cancel", "cancelled", by="requester"),
        Row("accepted", "cancel", "cancelled", by="requester"),
        Row("scheduled", "cancel", "cancelled", by="requester"),
        Row("scheduled", "miss", "no_show", by="timer"),
    ),
)
OPEN_STATES = ("submitted", "returned", "accepted", "scheduled", "in_progress", "concluding")


class Member(msgspec.Struct, frozen=True):
    account: str
    name: str
    org_name: str
    part: Literal["requester", "expert", "observer"]


class Receipt(msgspec.Struct, frozen=True):
    """已阅: one of the side that asked has read the countersigned conclusion."""

    account: str
    name: str
    at: str


class Conclusion(msgspec.Struct, frozen=True):
    """One signed version. It stands when both sides have signed; a correction afterwards is the next one, with reason.

    pdf_at: when its paper was made and so stood in the record of the side that asked.
    """

    version: int
    text: str
    advice: list[str]
    follow_up: str
    warning_signs: str
    marks: list[Drawn]
    reason: str
    signed_by: str
    signed_name: str
    signed_at: str
    digest: str
    countersigned_name: str | None
    countersigned_at: str | None
    pdf_at: str | None
    receipts: list[Receipt]


class NewDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: DocumentKind
    text: str


class Document(msgspec.Struct, frozen=True):
    """The last version of one document beforehand (会前资料)."""

    kind: DocumentKind
    text: str
    version: int
    by_name: str
    at: str


class NewConsent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """知情同意书, or in an emergency the note of two doctors: the one who writes it here and `by`, the second.

    Signed on the screen it has `strokes`; signed on paper, `note` says where the sheet is kept. Of two doctors, `note`
    is why nobody could be asked.
    """

    kind: Literal["written", "two_doctors"]
    by: str
    relation: Relation
    form: Literal["screen", "paper"] = "paper"
    note: str = ""
    strokes: list[Stroke] = []


class ConsentPaper(msgspec.Struct, frozen=True):
    kind: Literal["written", "two_doctors"]
    by: str
    relation: Relation
    form: Literal["screen", "paper"]
    note: str
    strokes: list[Stroke]
    taken_by_name: str
    at: str


class Completeness(msgspec.Struct, frozen=True):
    """How much of what this disease needs beforehand is there, in percent, and the names of what is not."""

    percent: int
    missing: list[str]


class Checklist(msgspec.Struct, frozen=True):
    disease: Disease
    needs: list[DocumentKind]


class Checklists(msgspec.Struct, frozen=True):
    checklists: list[Checklist]


Why = Literal["specialty", "title", "duty", "load", "returned_it", "slot"]


class Turn(msgspec.Struct, frozen=True):
    """One expert whom the request reached. `why`: what put him before the others, the weightiest first."""

    account: str
    name: str
    why: list[Why]
    asked_at: str
    due_at: str
    outcome: Literal["waiting", "accepted", "declined", "timed_out", "withdrawn"]
    reason: str


class Skills(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The specialties in which somebody answers consultations. None: he is asked for any, after those who named it."""

    specialties: list[Specialty]


class Opinion(msgspec.Struct, frozen=True):
    """One expert's signed view. `text` is None while it is sealed for this viewer; that it was written is told."""

    account: str
    name: str
    version: int
    text: str | None
    dissents: bool | None
    signed_at: str
    digest: str
    independent: bool
    """Written before the others' were opened to him."""
    sitting: int | None = None
    """In which of the case's sittings."""


class NewOpinion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`dissents`: he does not share the chair's view, and wants that kept with the conclusion."""

    text: str
    dissents: bool = False


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """at: UTC, as the hub writes it."""

    at: str


class Invite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str


class Expert(msgspec.Struct, frozen=True):
    account: str
    name: str
    title: str
    org: str
    org_name: str
    specialties: list[Specialty]


class Experts(msgspec.Struct, frozen=True):
    experts: list[Expert]


class Consult(msgspec.Struct, frozen=True):
    id: str
    recording: str
    alert: str | None
    requester: str
    requester_name: str
    requester_org: str
    requester_org_name: str
    invitee_org: str
    invitee_org_name: str
    expert: str | None
    expert_name: str | None
    patient: Patient
    purpose: str
    summary: str
    priority: Priority
    mode: Literal["single", "mdt", "async"]
    """async: answered in writing and by drawing on the ECG, without an appointment."""
    answer_by: str | None
    """Until when it is to be answered in writing."""
    consent: Consent
    specialty: Specialty
    expert_title: Title
    wanted_at: str | None
    """When the requester would like it; None: as soon as somebody can."""
    disease: Disease
    documents: list[Document]
    consent_paper: ConsentPaper | None
    completeness: Completeness
    turns: list[Turn]
    unanswered: bool
    """Everybody was asked, nobody has answered in time; the coordinator knows."""
    opinions: list[Opinion]
    opinions_open: bool
    owes_opinion: list[str]
    """Names of the experts of an MDT whose first opinion is still to come."""
    scheduled_at: str | None
    state: str
    requested_at: str
    answered_at: str | None
    reason: str
    members: list[Member]
    conclusion: Conclusion | None
    earlier_conclusions: list[Conclusion]
    """Versions before the present one, the newest first."""
    events: list[str]
    """What this viewer may do now: names of the state table's events."""


class Consults(msgspec.Struct, frozen=True):
    consults: list[Consult]
    cursor: int


class ConsultsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    open: bool = True
    recording: str | None = None


class ChosenSlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A free slot of an expert, or with `clinic` its next free place, whatever `at` says."""

    expert: str
    at: str
    clinic: str | None = None


class RequestConsult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the 2018 rules ask of a request: purpose, summary, wanted time, specialty and title of who is asked, and the
    consent. An emergency may go before its papers."""

    recording: str
    invitee_org: str
    purpose: str
    summary: str
    priority: Priority
    consent: Consent
    alert: str | None = None
    specialty: Specialty = "cardiology"
    expert_title: Title = "any"
    wanted_at: str | None = None
    disease: Disease = "other"
    documents: list[NewDocument] = []
    consent_paper: NewConsent | None = None
    mode: Literal["single", "async"] = "single"
    slot: ChosenSlot | None = None
    """Held for this request while its expert is asked before all others."""


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class Resubmit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the requester mends while the request is back with him; `/submit` then sends it again."""

    purpose: str
    summary: str
    consent: Consent
    documents: list[NewDocument] = []
    consent_paper: NewConsent | None = None


class CountersignQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`digest` of the conclusion that was on the screen: when the text has changed since, nothing is signed."""

    digest: str = ""


class Conclude(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conclusion's skeleton: what it is (`text`), what to do, when to look again, what brings the patient back at
    once. `reason`: why a countersigned one is corrected."""

    text: str
    advice: list[str] = []
    follow_up: str = ""
    warning_signs: str = ""
    marks: list[Drawn] = []
    reason: str = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is to be answered in the room."""

    text: str
    answered: bool = False


class Draft(msgspec.Struct, frozen=True):
    """The conclusion while both sides fill it, before anybody signs. `advice`: one a line. `began_at`: when the room
    was first entered, for its clock."""

    rev: int
    questions: list[Question]
    text: str
    advice: str
    follow_up: str
    warning_signs: str
    marks: list[Drawn]
    saved_name: str
    saved_at: str | None
    began_at: str | None


class DraftChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was typed since the last save; what is null stays as it is."""

    questions: list[Question] | None = None
    text: str | None = None
    advice: str | None = None
    follow_up: str | None = None
    warning_signs: str | None = None
    marks: list[Drawn] | None = None


class ConclusionPdfQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version 0: the last."""

    version: int = 0
    lang: Literal["zh", "en"] = "zh"


class Enter(msgspec.Struct, frozen=True):
    """What a browser needs to join: its member list, the shared view so far, and ICE servers (may be empty).

    forwarded: sound and picture go over the hub's forwarder, by the seat `media` (null: it is to ask for one;
        without an offer: the one that was held for it).
    stay: of this page; another page by which the same person enters later has another, and takes its place.
    """

    consult: Consult
    ice_servers: list[IceServer]
    view: SharedView | None
    stay: str
    forwarded: bool = False
    media: MediaSeat | None = None


class IceServer(msgspec.Struct, frozen=True):
    urls: list[str]
    username: str = ""
    credential: str = ""


class MediaHeld(msgspec.Struct, frozen=True):
    """A seat nobody else sees or hears before its page enters. seat '': two would go browser to browser."""

    seat: str
    offer: str
    ice_servers: list[IceServer]


class SharedView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which stretch of which recording everybody looks at, in sample-index coordinates. `rev` is the hub's: the higher
    one wins on every screen."""

    recording: str
    layout: str
    first: int
    end: int
    speed: float
    gain: float
    presenter: str
    rev: int = 0
