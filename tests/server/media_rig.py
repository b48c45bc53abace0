"""An engine of either kind with synthetic members, for the tests of what all of them promise."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable

import pytest

from server.consult.media.embedded import Embedded
from server.consult.media.engine import EngineGone, Event, Hear, Lost, Slots
from server.consult.media.janus import Janus
from server.consult.media.process import Listen
from tests import janus
from tests.server.media_member import SyntheticMember, answered
from tests.waiting import until

WAIT_S = 20


class Rig:
    """An engine, what it told, and members. kill: its process ends at once, and another comes after it."""

    def __init__(self, make: Callable[[Hear], Embedded | Janus], kill: Callable[[], None]) -> None:
        self.news: list[Event] = []
        self.engine = make(self.news.append)
        self.kill = kill
        self.members: dict[str, SyntheticMember] = {}

    async def is_there(self) -> bool:
        """A process takes its time to begin on a busy machine."""
        try:
            await self.engine.stats()
        except EngineGone:
            return False
        return True

    async def join(self, account: str, seat: str = "", *, held: bool = False) -> SyntheticMember:
        member = self.members[seat or account] = SyntheticMember()
        offer = await self.engine.join("con_1", account, seat or account, held=held)
        await self.engine.answer(seat or account, answered(offer))
        member.receiving.connect(offer)
        member.sending.connect(await self.engine.publish(seat or account, member.offer))
        async with asyncio.timeout(WAIT_S):
            await member.connected()
        return member

    def lost(self) -> dict[str, str]:
        return {event.seat: event.why for event in self.news if isinstance(event, Lost)}

    def shown(self, seat: str) -> list[str | None]:
        """Whose picture is in this seat's slots, by the last word about it."""
        told = [event for event in self.news if isinstance(event, Slots) and event.seat == seat]
        return told[-1].picture if told else []

    async def close(self) -> None:
        for member in self.members.values():
            member.close()
        await self.engine.close()


@pytest.fixture(params=["embedded", "janus"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "janus":
        janus.needs_janus()
        with janus.Janus() as server:
            made = Rig(server.engine, server.restart)
            yield made
            await made.close()
        return
    engines: list[Embedded] = []

    def make(hear: Hear) -> Embedded:
        engines.append(Embedded(Listen(("127.0.0.1",), 0, ()), hear, time.monotonic))
        return engines[0]

    def kill() -> None:
        assert engines[0].pid is not None
        os.kill(engines[0].pid, signal.SIGKILL)

    made = Rig(make, kill)
    await until(made.is_there, 60)
    yield made
    await made.close()
