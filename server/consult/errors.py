"""What the consultation room refuses. Chinese sentences: `zh-CN.yaml` beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.base.errors import AppError


@dataclass(eq=False)
class ConsultError(AppError):
    """Base of what the consultation room refuses."""


@dataclass(eq=False)
class ConsultTextMissing(ConsultError):
    code: ClassVar[str] = "consult.text_missing"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "{text_of} is empty or longer than {limit} characters."
    mend: ClassVar[str] = "Write it out: the other side decides by it, and it stays in the record."
    text_of: str
    limit: int


@dataclass(eq=False)
class ConsentMissing(ConsultError):
    code: ClassVar[str] = "consult.consent"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "An ordinary consultation needs the written consent of the patient or kin."
    mend: ClassVar[str] = "Have the consent signed; only an emergency may go ahead with the doctors' note."


@dataclass(eq=False)
class ConsentUnsigned(ConsultError):
    code: ClassVar[str] = "consult.consent_unsigned"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The consent is not whole: it needs who signed, in what relation, and the signature."
    mend: ClassVar[str] = "Write the name, sign on the screen or say where the paper is; two doctors also say why."


@dataclass(eq=False)
class PapersOwed(ConsultError):
    code: ClassVar[str] = "consult.papers_owed"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "This emergency went ahead of its consent, and none has been filed since."
    mend: ClassVar[str] = "File the signed consent or the two doctors' note, then countersign."


@dataclass(eq=False)
class WantedTimeUnreadable(ConsultError):
    code: ClassVar[str] = "consult.wanted_time"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The wanted time could not be read."
    mend: ClassVar[str] = "Choose a date and a time, or leave it empty."


@dataclass(eq=False)
class InviteeUnable(ConsultError):
    code: ClassVar[str] = "consult.invitee"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "Nobody at {org} can answer a consultation."
    mend: ClassVar[str] = "Ask another institution, or have an expert registered there."
    org: str


@dataclass(eq=False)
class ConsultTaken(ConsultError):
    code: ClassVar[str] = "consult.taken"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{name} has already accepted this consultation."
    mend: ClassVar[str] = "Nothing to do for you; it is in good hands."
    name: str


@dataclass(eq=False)
class NotAMember(ConsultError):
    code: ClassVar[str] = "consult.not_a_member"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "The room is open only to {names}."
    mend: ClassVar[str] = "Ask one of them to tell you the conclusion; you find it in the recording afterwards."
    names: str


@dataclass(eq=False)
class NotTheExpert(ConsultError):
    code: ClassVar[str] = "consult.not_the_expert"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "This step belongs to the expert who accepted: {name}."
    mend: ClassVar[str] = "Leave it to this person."
    name: str


@dataclass(eq=False)
class NotTheRequester(ConsultError):
    code: ClassVar[str] = "consult.not_the_requester"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "This step belongs to the side that asked: {name} or a colleague at {org}."
    mend: ClassVar[str] = "Leave it to them; the one who answers never signs for both sides."
    name: str
    org: str


@dataclass(eq=False)
class ConclusionChanged(ConsultError):
    code: ClassVar[str] = "consult.conclusion_changed"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The conclusion was changed after you opened it."
    mend: ClassVar[str] = "Read the present text, then countersign it."


@dataclass(eq=False)
class AmendReasonMissing(ConsultError):
    code: ClassVar[str] = "consult.amend_reason"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "A conclusion that both sides have signed is corrected only with a reason."
    mend: ClassVar[str] = "Write why; the earlier version stays beside it, with both signatures."


@dataclass(eq=False)
class OnlyWatches(ConsultError):
    code: ClassVar[str] = "consult.only_watches"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "Who watches does not write in the conclusion."
    mend: ClassVar[str] = "Tell an expert or the side that asked; they fill it in."


@dataclass(eq=False)
class OutcomeTold(ConsultError):
    code: ClassVar[str] = "consult.outcome_told"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{name} has already told this outcome."
    mend: ClassVar[str] = "Nothing to do; what else happened goes into the messages of the case."
    name: str


@dataclass(eq=False)
class FeedbackGiven(ConsultError):
    code: ClassVar[str] = "consult.feedback_given"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "These questions have been answered."
    mend: ClassVar[str] = "Nothing to do; each is asked once."


@dataclass(eq=False)
class AlreadyInvited(ConsultError):
    code: ClassVar[str] = "consult.already_invited"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{name} is in this consultation already."
    mend: ClassVar[str] = "Nothing to do."
    name: str


@dataclass(eq=False)
class RoomFull(ConsultError):
    code: ClassVar[str] = "consult.room_full"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "This room has {limit} members: nobody more can be asked in."
    mend: ClassVar[str] = "Go on with those who are here; a further expert can be asked for a consultation of his own."
    limit: int


@dataclass(eq=False)
class HelpNobody(ConsultError):
    code: ClassVar[str] = "consult.help_nobody"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "Nobody on duty is left to call."
    mend: ClassVar[str] = "Call an expert by name, or by telephone."


@dataclass(eq=False)
class OpinionOwed(ConsultError):
    code: ClassVar[str] = "consult.opinion_owed"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The opinions are sealed until you have signed your own."
    mend: ClassVar[str] = "Write and sign your opinion, then open the others'."


@dataclass(eq=False)
class TimePast(ConsultError):
    code: ClassVar[str] = "consult.time_past"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The time of the consultation lies in the past."
    mend: ClassVar[str] = "Choose a later one; to begin at once, enter the room."


@dataclass(eq=False)
class SeatGone(ConsultError):
    code: ClassVar[str] = "consult.seat"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "This page has no seat for sound and picture in the room any more."
    mend: ClassVar[str] = "The page takes a new one by itself; if it does not, enter the room again."


@dataclass(eq=False)
class MediaFull(ConsultError):
    code: ClassVar[str] = "consult.media_full"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "Sound and picture in this room are taken by {limit} people; there is no place for one more."
    mend: ClassVar[str] = "Chat and ECG go on without it; you are let in as soon as somebody leaves."
    limit: int


@dataclass(eq=False)
class MediaTooOften(ConsultError):
    code: ClassVar[str] = "consult.media_too_often"
    status: ClassVar[int] = 429
    what: ClassVar[str] = "This page asked for sound and picture too often in a short time."
    mend: ClassVar[str] = "Wait a minute; if it happens again, reload the page and check the network."


@dataclass(eq=False)
class MediaRefused(ConsultError):
    code: ClassVar[str] = "consult.media_refused"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The hub cannot use what this browser offers for sound and picture."
    mend: ClassVar[str] = "Use a current Chromium, Edge, Firefox or Safari; chat and ECG go on without it."


@dataclass(eq=False)
class FilmUnable(ConsultError):
    code: ClassVar[str] = "consult.film_unable"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The media engine of this hub cannot film a room."
    mend: ClassVar[str] = "Its administrator can choose the embedded engine; everything else in the room goes on."


@dataclass(eq=False)
class FilmUnderWay(ConsultError):
    code: ClassVar[str] = "consult.film_under_way"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "A film of this room is asked for or under way already."
    mend: ClassVar[str] = "Nothing to do; end it before you ask for another one."


@dataclass(eq=False)
class SoundFull(ConsultError):
    code: ClassVar[str] = "consult.sound_full"
    status: ClassVar[int] = 503
    what: ClassVar[str] = "As many pages of this room send sound over the web connection as the hub carries."
    mend: ClassVar[str] = "It is tried again by itself; chat and ECG go on meanwhile."


@dataclass(eq=False)
class MediaGone(ConsultError):
    code: ClassVar[str] = "consult.media_gone"
    status: ClassVar[int] = 503
    what: ClassVar[str] = "Sound and picture between three or more people cannot be passed on at this moment."
    mend: ClassVar[str] = "It is tried again by itself; chat and ECG go on meanwhile."
