"""HTTP of the messages room: decode, call the use case, encode."""

from __future__ import annotations

from server.base.http import Call, Route
from server.messages import service
from server.messages.model import Message, MessagesQuery, NewMessage
from server.messages.model import Messages as MessageList
from server.messages.service import Messages


def routes(room: Messages) -> tuple[Route, ...]:
    async def read(call: Call) -> MessageList:
        return await service.thread(room, call.ctx, call.path["thread"], after=call.query.after, limit=call.query.limit)

    async def post(call: Call) -> Message:
        return await service.post(room, call.ctx, call.path["thread"], call.body)

    path = "/api/threads/{thread}/messages"
    return (
        Route("GET", path, "recording.read", read, query=MessagesQuery, result=MessageList),
        Route("POST", path, "message.write", post, body=NewMessage, result=Message),
    )
