"""Messages of a case: what is stored and sent. A thread is named by what it is about, so it needs no row to begin."""

from __future__ import annotations

from typing import Literal

import msgspec

ThreadKind = Literal["recording", "alert", "consult", "patient", "site"]
FileKind = Literal["image/jpeg", "image/png", "application/pdf"]


class Quote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in a recording: lead and half-open sample range."""

    recording: str
    lead: str
    first: int
    end: int


class Attachment(msgspec.Struct, frozen=True):
    """A file of a thread. `width` and `height` in pixels of a picture, 0 of a document."""

    id: str
    name: str
    kind: FileKind
    bytes: int
    width: int
    height: int


class Mention(msgspec.Struct, frozen=True):
    """Who was named. `role`: by which role, empty when by his own name."""

    account: str
    name: str
    role: str


class Message(msgspec.Struct, frozen=True):
    """`seq` is the order of storing, over all threads. A withdrawn message has a reason and no text any more."""

    id: str
    thread: str
    client_id: str
    author: str
    author_name: str
    at: str
    text: str
    quote: Quote | None
    seq: int
    version: int
    edited_at: str | None
    withdrawn_at: str | None
    withdraw_reason: str
    mentions: list[Mention]
    files: list[Attachment]


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`client_id` is the sender's own name for it: sent twice, stored once. `roles`: everybody of the thread in it."""

    client_id: str
    text: str
    quote: Quote | None = None
    mentions: list[str] = []
    roles: list[str] = []
    files: list[str] = []


class EditMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is the one the writer saw: a text that was changed meanwhile is not overwritten."""

    text: str
    version: int


class WithdrawMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class MessageVersion(msgspec.Struct, frozen=True):
    version: int
    at: str
    text: str


class MessageReader(msgspec.Struct, frozen=True):
    """How far one person is: messages up to `read` he had on his screen, up to `received` his page had been told of."""

    account: str
    name: str
    read: int
    received: int


class Messages(msgspec.Struct, frozen=True):
    """`more`: there are earlier ones before the first."""

    messages: list[Message]
    readers: list[MessageReader]
    cursor: int
    more: bool


class MessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Oldest first. Behind `after`, or the last ones before `before`, or the newest; from the beginning if none."""

    after: str = ""
    before: str = ""
    newest: bool = False
    limit: int = 100


class ReadUpTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last message that stood on the screen."""

    message: str


class ReceivedUpTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of the last message that a page was told of."""

    seq: int


class ThreadAbout(msgspec.Struct, frozen=True):
    """What a thread is about. `name` of the patient or the institution, empty when unknown."""

    kind: ThreadKind
    name: str
    place: str
    note: str = ""


class ThreadLine(msgspec.Struct, frozen=True):
    """A thread in the inbox. `mine`: he wrote in it, was named, belongs to it or it is of his own institution."""

    id: str
    about: ThreadAbout
    last: Message
    unread: int
    named: int
    mine: bool


class Inbox(msgspec.Struct, frozen=True):
    """Newest first. `unread` counts the messages of others, in the threads that are his, that he has not read."""

    threads: list[ThreadLine]
    unread: int
    seq: int


class InboxQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mine: bool = True
    limit: int = 100


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    q: str
    limit: int = 50


class Hit(msgspec.Struct, frozen=True):
    message: Message
    about: ThreadAbout


class Hits(msgspec.Struct, frozen=True):
    hits: list[Hit]


class ThreadPerson(msgspec.Struct, frozen=True):
    """Somebody who may see a thread, and so can be named in it."""

    account: str
    name: str
    roles: list[str]


class FileQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str = ""
