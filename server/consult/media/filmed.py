"""What a film needs of one line of a member, whichever engine takes it in: `track` or `janus_film`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Protocol

from server.consult.media.rtp import SenderReport

Kind = Literal["sound", "large", "small"]
CLOCK_HZ: Final = {"sound": 48_000, "large": 90_000, "small": 90_000}
SHARE_BYTES: Final = {"sound": 40_000, "large": 400_000, "small": 80_000}
"""Of one stream in a second, several times what a page sends: what is beyond it reaches nobody."""
KEY_EVERY_S: Final = 0.5
"""However many ask a sender for a key frame: one request in so long."""
ACTIVE_S: Final = 1.0
"""A picture that has not been sent for so long is not sent now."""

Tap = Callable[["Filmed", int, int, int, bytes], None]
"""Hears each packet once: its extended number, the second byte of its head, its time, its payload."""


class Filmed(Protocol):
    """One line. active_at: when its last packet came, of `loop.time()`; clock: the sender's, where it is told."""

    tap: Tap | None

    @property
    def kind(self) -> Kind: ...

    @property
    def active_at(self) -> float: ...

    @property
    def clock(self) -> SenderReport | None: ...

    def is_active(self, now: float) -> bool: ...

    def ask_key_frame(self) -> None: ...
