"""One-time codes as such: how they are made, read and hashed, and how many wrong ones are listened to.

Pure but for chance in `fresh_code`. Which code belongs to whom stands in the register's table, what happens when one is
used in `service.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Final

from server.devices.errors import EnrolmentRests

LETTERS: Final = "34679ACDEFGHJKMNPQRTUVWXY"
"""Read over the telephone and typed by hand: no 0 O, 1 I L, 2 Z, 5 S, 8 B."""
LENGTH: Final = 8
"""25^8 = 1.5e11 codes: with ALL_MAX tries in WINDOW_S, guessing one of ten open codes takes about 7,000 years."""
CODE_S: Final = 15 * 60
PEER_MAX: Final = 5
ALL_MAX: Final = 60
WINDOW_S: Final = 15 * 60


def fresh_code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def shown(code: str) -> str:
    """In two groups of four, as it is read out."""
    return f"{code[:4]}-{code[4:]}"


def typed(text: str) -> str:
    """The code in what somebody typed: small letters, blanks and hyphens do not matter."""
    return "".join(letter for letter in text[:64].upper() if letter.isalnum())


def digest(secret: bytes, code: str) -> bytes:
    """What is stored of a code. `secret` is the hub's own."""
    return hmac.digest(secret, b"enrolment code:" + code.encode(), hashlib.sha256)


@dataclass
class Tries:
    """Wrong codes of the last WINDOW_S, by address and in all. In memory: a restart of the hub forgets them.

    A try counts before it is judged, so that a hundred at once are a hundred; the right one is given back. Memory is
    bounded by ALL_MAX, for nobody beyond it is listened to.
    """

    by_peer: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    everybody: deque[float] = field(default_factory=deque)

    def take(self, peer: str, now_s: float) -> None:
        """Raises EnrolmentRests where this address, or all together, have tried too often."""
        self._forget(now_s)
        for tries, most in ((self.by_peer.get(peer, deque()), PEER_MAX), (self.everybody, ALL_MAX)):
            if len(tries) >= most:
                raise EnrolmentRests(wait_s=max(1, round(tries[0] + WINDOW_S - now_s)))
        self.by_peer[peer].append(now_s)
        self.everybody.append(now_s)

    def give_back(self, peer: str, taken_s: float) -> None:
        """The try at `taken_s` was right."""
        for tries in (self.by_peer[peer], self.everybody):
            if taken_s in tries:
                tries.remove(taken_s)

    def _forget(self, now_s: float) -> None:
        for tries in (*self.by_peer.values(), self.everybody):
            while tries and tries[0] <= now_s - WINDOW_S:
                tries.popleft()
        for peer in [peer for peer, tries in self.by_peer.items() if not tries]:
            del self.by_peer[peer]
