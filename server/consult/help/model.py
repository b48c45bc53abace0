"""A call for help out of a room: what is sent of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.records.model import Patient


class CallForHelp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`account` empty: who is on duty at the invited institution. `words`: what it is about."""

    account: str = ""
    words: str = ""


class HelpCall(msgspec.Struct, frozen=True):
    """`unheard`: it rang out. `org_name`: of the side that asked for the consultation."""

    consult: str
    account: str
    name: str
    by_name: str
    org_name: str
    patient: Patient
    purpose: str
    words: str
    at: str
    answer: Literal["ringing", "came", "declined", "unheard"]


class HelpCalls(msgspec.Struct, frozen=True):
    calls: list[HelpCall]
