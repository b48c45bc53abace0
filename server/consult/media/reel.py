"""What one seat of a filmed room sends, on its way into files: times of one clock, one picture of two, clusters.

Runs in the forwarder's process, beside the hot path: a packet costs a call here, the writing is `writer`'s thread's.
A file (part) has the same tracks from end to end: when a camera goes on or off a new one begins. Sound is always there,
silence where nothing came, so that every player keeps in step.
"""

from __future__ import annotations

from typing import Final

import msgspec

from server.consult.media import webm
from server.consult.media.filmed import CLOCK_HZ, Filmed
from server.consult.media.frames import Frame, Pictures, after, opus
from server.consult.media.part import CLUSTER_MS, END, PartEnd, PartHead, note
from server.consult.media.voiceclock import VoiceClock
from server.consult.media.webm import PICTURE, SOUND, Block
from server.consult.media.writer import Writer

LATE_MS: Final = 300
"""Silence is not filled in before sound that may still be on its way."""
TOLERATED_MS: Final = 5
"""Sound that begins so much before the end of what is there is only rounded."""
BELIEVED_MS: Final = 2000
"""A picture's time that is further from its arrival is not believed."""
CAMERA_OFF_MS: Final = 4000
KEY_EVERY_MS: Final = 10_000
"""So far apart are the places from which a picture can be begun; a key frame costs the sender's line."""
STALE_MS: Final = 1000
"""A large picture that stays away so long is replaced by the small one."""


class Reel:
    """One seat. began: of this process's clock (`loop.time()`), when the film did."""

    def __init__(self, writer: Writer, account: str, seat: str, began: float, now: float) -> None:
        self._writer, self.account, self.seat, self._began = writer, account, seat, began
        self._name = f"{seat}-{round((now - began) * 1000):x}"
        self._voice: Filmed | None = None
        self._clock: VoiceClock | None = None
        self._pictures: dict[Filmed, Pictures] = {}
        self._shown: Filmed | None = None
        self._large_ms = -float(STALE_MS)
        self._anchor: tuple[Filmed, int, float] | None = None  # of pictures, while the sender's clock is not known
        self._blocks: list[Block] = []
        self._written_ms = self._key_asked_ms = self._ms(now)
        self._sound_end: float | None = None
        self._picture_end = -1.0
        self._size: tuple[int, int] | None = None
        self._open = ""
        self._open_first = 0
        self._open_picture = False
        self._last_ms = 0
        self._parts = 0
        self.frames = 0

    def follow(self, track: Filmed) -> None:
        """From now on what this stream brings is kept."""
        track.tap = self._take
        if track.kind == "sound":
            self._voice = track
        elif track not in self._pictures:
            self._pictures[track] = Pictures()
            track.ask_key_frame()

    def _ms(self, now: float) -> float:
        return (now - self._began) * 1000

    # What comes

    def _take(self, track: Filmed, number: int, second: int, time: int, payload: bytes) -> None:
        arrived = self._ms(track.active_at)
        if track.kind == "sound":
            self._hear(second, time, payload, arrived)
            return
        pictures = self._pictures[track]
        for frame in pictures.take(number, second, time, payload, track.active_at):
            self._see(track, frame, arrived)
        if pictures.broken:
            track.ask_key_frame()

    def _hear(self, second: int, time: int, payload: bytes, arrived: float) -> None:
        if self._clock is None:
            self._clock = VoiceClock(time, arrived)
        if self._sound_end is None:
            self._sound_end = arrived
        self._clock.hear(time, arrived, self._sound_end)
        for at, packet in opus(second, time, payload):
            ms = self._clock.ms(at)
            if ms < self._sound_end - TOLERATED_MS:
                continue  # had it, or silence stands there already
            self._blocks += webm.silence(self._sound_end, ms)
            ms = max(ms, self._sound_end)
            self._blocks.append(Block(SOUND, round(ms), packet))
            self._sound_end = ms + (webm.opus_ms(packet) or 20.0)

    def _see(self, track: Filmed, frame: Frame, arrived: float) -> None:
        """The large picture where it is sent, else the small one; each begins with a key frame."""
        if track.kind == "small" and self._shown is not track and arrived - self._large_ms < STALE_MS:
            return
        if self._shown is not track:
            if not frame.key:
                track.ask_key_frame()
                return
            self._shown = track
        if track.kind != "small":
            self._large_ms = arrived
        ms = max(self._picture_ms(track, frame.time, arrived), self._picture_end + 1, 0)
        self._picture_end = ms
        self.frames += 1
        if frame.key:
            self._size = webm.vp8_size(frame.data) or self._size
            if self._blocks and self._open_picture:
                self.write(arrived)  # a cluster that begins with a key frame can be sought
        if self._size is not None:
            self._blocks.append(Block(PICTURE, round(ms), frame.data, frame.key))

    def _picture_ms(self, track: Filmed, time: int, arrived: float) -> float:
        """By the sender's own clock beside his voice where he has told it, else both by their arrival."""
        voice = None if self._voice is None else self._voice.clock
        if self._clock is not None and voice is not None and track.clock is not None:
            apart_s = (track.clock.ntp - voice.ntp) / 2**32 + after(time, track.clock.time) / CLOCK_HZ[track.kind]
            ms = self._clock.ms((voice.time + round(apart_s * CLOCK_HZ["sound"])) & 0xFFFFFFFF)
            if abs(ms - arrived) < BELIEVED_MS:
                return ms
        early = 0.0 if self._clock is None else self._clock.early
        if self._anchor is not None and self._anchor[0] is track:
            ms = self._anchor[2] + after(time, self._anchor[1]) * 1000 / CLOCK_HZ[track.kind]
            if 0 <= arrived - ms < BELIEVED_MS / 4:
                return ms + early
        # The first one, or one before its time: those before it came late.
        self._anchor = (track, time, arrived)
        return arrived + early

    # What is kept

    def tick(self, now: float) -> None:
        ms = self._ms(now)
        if ms - self._written_ms >= CLUSTER_MS:
            self.write(ms)
        if ms - self._key_asked_ms >= KEY_EVERY_MS:
            self._key_asked_ms = ms
            if self._shown is not None:
                self._shown.ask_key_frame()

    def write(self, ms: float) -> None:
        """What has come until now (`ms` of the film), as one cluster."""
        self._written_ms = ms
        if self._sound_end is None:
            if not self._blocks:
                return
            self._sound_end = float(self._blocks[0].ms)
        quiet = list(webm.silence(self._sound_end, ms - LATE_MS))
        self._sound_end += webm.SILENCE_MS * len(quiet)
        blocks, self._blocks = [*self._blocks, *quiet], []
        seen = [block for block in blocks if block.track == PICTURE]
        goes_on = self._open_picture and ms - self._picture_end < CAMERA_OFF_MS
        if not goes_on:
            seen = _from_key(seen)
            if not seen and self._shown is not None and self._shown.is_active(self._began + ms / 1000):
                self._shown.ask_key_frame()
        blocks = [*(block for block in blocks if block.track == SOUND), *seen]
        if not blocks:
            return
        if not self._open or (goes_on or bool(seen)) != self._open_picture:
            self._begin(min(block.ms for block in blocks), has_picture=bool(seen))
        own = [Block(b.track, max(0, b.ms - self._open_first), b.data, b.key) for b in blocks]
        self._last_ms = max(b.ms for b in own)
        key = bool(seen) and seen[0].key
        self._writer.append(self._open, webm.cluster(own), note(min(b.ms for b in own), key=key))

    def _begin(self, first_ms: int, *, has_picture: bool) -> None:
        self._end_part()
        self._parts += 1
        self._open = f"{self._name}-{self._parts}"
        self._open_first, self._open_picture = first_ms, has_picture
        head = PartHead(self.account, self.seat, first_ms, self._size if has_picture else None)
        self._writer.begin(self._open)
        self._writer.append(self._open, msgspec.json.encode(head), 0)

    def _end_part(self) -> None:
        if self._open:
            dropped = sum(pictures.dropped for pictures in self._pictures.values())
            self._writer.append(self._open, msgspec.json.encode(PartEnd(self._last_ms, dropped)), END)
            self._writer.close_part(self._open)
            self._open = ""

    def close(self, now: float) -> None:
        """The seat is gone, or is not to be filmed any more."""
        for track in (self._voice, *self._pictures):
            if track is not None:
                track.tap = None
        self.write(self._ms(now))
        self._end_part()


def _from_key(pictures: list[Block]) -> list[Block]:
    first = next((i for i, block in enumerate(pictures) if block.key), len(pictures))
    return pictures[first:]
