"""Voices over WebSockets, for members whose firewall lets no media through: who hears whom, and how much.

A member `without` media is heard by everybody on these sockets; the others' voices go to those without only, since
among themselves they have the real thing. Packets (Opus, encoded by the page) are passed on unread, at most of the
three loudest. Rules only; the sockets are `routes`.

One message is `level:u8 sequence:u16 opus`, level 0 (silence) to 127; the hub puts the speaker's number (u8) before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

PACKET_BYTES_MAX: Final = 1000
PACKETS_PER_S_MAX: Final = 60
LOUDEST: Final = 3
SPEAKS_S: Final = 0.5


@dataclass(eq=False)
class Voice:
    """One page. `put` takes a packet on its way to the page, or drops it."""

    account: str
    number: int
    without: bool
    put: Callable[[bytes], None]
    level: float = 0.0
    heard_at: float = float("-inf")
    second: int = 0
    in_second: int = 0


@dataclass
class SoundRoom:
    """The rules of one room: who hears whom."""

    voices: dict[int, Voice] = field(default_factory=dict)

    @property
    def without(self) -> list[str]:
        return sorted({voice.account for voice in self.voices.values() if voice.without})

    def say(self, speaker: Voice, packet: bytes, now: float) -> None:
        """Pass on one packet. What is not one, or comes too fast, goes nowhere."""
        if int(now) != speaker.second:
            speaker.second, speaker.in_second = int(now), 0
        speaker.in_second += 1
        if not 4 <= len(packet) <= PACKET_BYTES_MAX or speaker.in_second > PACKETS_PER_S_MAX:
            return
        speaker.level = 0.8 * speaker.level + 0.2 * min(packet[0], 127)
        speaker.heard_at = now
        out = bytes((speaker.number,)) + packet
        for listener in self.voices.values():
            if self.hears(listener, speaker, now):
                listener.put(out)

    def hears(self, listener: Voice, speaker: Voice, now: float) -> bool:
        if listener.account == speaker.account or not (listener.without or speaker.without):
            return False
        louder = [
            voice
            for voice in self.voices.values()
            if voice.level > speaker.level
            and now - voice.heard_at < SPEAKS_S
            and voice.account != listener.account
            and (listener.without or voice.without)
        ]
        return len(louder) < LOUDEST
