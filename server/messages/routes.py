"""HTTP of the messages room: decode, call the use case, encode."""

from __future__ import annotations

from server.base.http import SIGNED_IN, Call, Raw, Route
from server.messages import files, inbox, service
from server.messages.model import (
    Attachment,
    EditMessage,
    FileQuery,
    Hits,
    Inbox,
    InboxQuery,
    Message,
    MessagesQuery,
    MessageVersion,
    NewMessage,
    ReadUpTo,
    ReceivedUpTo,
    SearchQuery,
    ThreadAbout,
    ThreadPerson,
    WithdrawMessage,
)
from server.messages.model import Messages as MessageList
from server.messages.service import Messages


def routes(room: Messages) -> tuple[Route, ...]:
    async def read(call: Call) -> MessageList:
        q: MessagesQuery = call.query
        return await service.thread(
            room, call.ctx, call.path["thread"], after=q.after, before=q.before, newest=q.newest, limit=q.limit
        )

    async def about(call: Call) -> ThreadAbout:
        return await inbox.about(room, call.ctx, call.path["thread"])

    async def post(call: Call) -> Message:
        return await service.post(room, call.ctx, call.path["thread"], call.body)

    async def people(call: Call) -> list[ThreadPerson]:
        return await service.people_of(room, call.ctx, call.path["thread"])

    async def mark(call: Call) -> None:
        await service.read_up_to(room, call.ctx, call.path["thread"], call.body)

    async def edit(call: Call) -> Message:
        return await service.edit(room, call.ctx, call.path["message"], call.body)

    async def withdraw(call: Call) -> Message:
        return await service.withdraw(room, call.ctx, call.path["message"], call.body)

    async def versions(call: Call) -> list[MessageVersion]:
        return await service.versions(room, call.ctx, call.path["message"])

    async def threads(call: Call) -> Inbox:
        return await inbox.inbox(room, call.ctx, mine=call.query.mine, limit=call.query.limit)

    async def received(call: Call) -> None:
        await inbox.received(room, call.ctx, call.body)

    async def search(call: Call) -> Hits:
        return await inbox.search(room, call.ctx, query=call.query.q, limit=call.query.limit)

    async def upload(call: Call) -> Attachment:
        return await files.upload(room, call.ctx, call.path["thread"], call.query.name, call.body)

    async def file(call: Call) -> Raw:
        return await files.given(room, call.ctx, call.path["file"])

    thread, message, see, write = "/api/threads/{thread}", "/api/messages/{message}", "recording.read", "message.write"
    return (
        Route("GET", thread, see, about, result=ThreadAbout),
        Route("GET", f"{thread}/messages", see, read, query=MessagesQuery, result=MessageList),
        Route("POST", f"{thread}/messages", write, post, body=NewMessage, result=Message),
        Route("GET", f"{thread}/people", see, people, result=list[ThreadPerson]),
        Route("POST", f"{thread}/read", see, mark, body=ReadUpTo, kept=False),
        Route("POST", f"{thread}/files", write, upload, body=bytes, query=FileQuery, result=Attachment),
        Route("GET", "/api/messages", see, search, query=SearchQuery, result=Hits),
        Route("POST", f"{message}/edit", write, edit, body=EditMessage, result=Message),
        Route("POST", f"{message}/withdraw", write, withdraw, body=WithdrawMessage, result=Message),
        Route("GET", f"{message}/versions", SIGNED_IN, versions, result=list[MessageVersion]),
        Route("GET", "/api/files/{file}", see, file),
        Route("GET", "/api/inbox", see, threads, query=InboxQuery, result=Inbox),
        Route("POST", "/api/inbox/received", see, received, body=ReceivedUpTo, kept=False),
    )
