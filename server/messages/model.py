"""Messages of a case: a thread for each recording, alert or consultation."""

from __future__ import annotations

import msgspec


class Quote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in a recording: lead and half-open sample range."""

    recording: str
    lead: str
    first: int
    end: int


class Message(msgspec.Struct, frozen=True):
    id: str
    thread: str
    client_id: str
    author: str
    author_name: str
    at: str
    text: str
    quote: Quote | None


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`client_id` is the sender's own name for it: sent twice, stored once."""

    client_id: str
    text: str
    quote: Quote | None = None


class Messages(msgspec.Struct, frozen=True):
    messages: list[Message]
    cursor: int


class MessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The messages behind the one whose id is `after`, oldest first; from the beginning when it is empty."""

    after: str = ""
    limit: int = 100
