"""HTTP of a room's sound and picture: a seat, its two connections, what it wants to see; and one held in the lobby.
Members of the room only.

Nothing of it is kept for a repeat: a description is of one moment, and the seat it is for makes it single.
"""

from __future__ import annotations

from server.base.http import Call, Route
from server.consult import service
from server.consult.media.model import MediaAnswer, MediaDescription, MediaDone, MediaHold, MediaSeat, MediaWatch
from server.consult.media.seats import Seats
from server.consult.model import MediaHeld
from server.consult.service import Consultations


def routes(room: Consultations, seats: Seats) -> tuple[Route, ...]:
    async def seat(call: Call) -> MediaSeat:
        await service.check_inside(room, call.ctx, call.path["id"])
        return await seats.take(call.path["id"], call.ctx.actor)

    async def hold(call: Call) -> MediaHeld:
        await service.check_inside(room, call.ctx, call.path["id"])
        asked: MediaHold = call.body
        held = await seats.hold(call.path["id"], call.ctx.actor, always=asked.always) or MediaSeat("", "")
        return MediaHeld(held.seat, held.offer, service.ice_servers(room, call.ctx.actor))

    async def answer(call: Call) -> MediaDone:
        await service.check_inside(room, call.ctx, call.path["id"])
        said: MediaDescription = call.body
        await seats.answer(call.path["id"], call.ctx.actor, said.seat, said.sdp)
        return MediaDone(said.seat)

    async def publish(call: Call) -> MediaAnswer:
        await service.check_inside(room, call.ctx, call.path["id"])
        said: MediaDescription = call.body
        return MediaAnswer(await seats.publish(call.path["id"], call.ctx.actor, said.seat, said.sdp))

    async def watch(call: Call) -> MediaDone:
        await service.check_inside(room, call.ctx, call.path["id"])
        said: MediaWatch = call.body
        await seats.watch(call.path["id"], call.ctx.actor, said.seat, said.wishes)
        return MediaDone(said.seat)

    path, rule = "/api/consults/{id}/media", "consult.read"
    return (
        Route("POST", f"{path}/seat", rule, seat, result=MediaSeat, kept=False),
        Route("POST", f"{path}/hold", rule, hold, body=MediaHold, result=MediaHeld, kept=False),
        Route("POST", f"{path}/answer", rule, answer, body=MediaDescription, result=MediaDone, kept=False),
        Route("POST", f"{path}/publish", rule, publish, body=MediaDescription, result=MediaAnswer, kept=False),
        Route("POST", f"{path}/watch", rule, watch, body=MediaWatch, result=MediaDone, kept=False),
    )
