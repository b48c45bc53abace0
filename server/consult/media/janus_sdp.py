"""Descriptions between Janus and the page, each as the other's end needs it. Pure; reading and checking them is `sdp`.

A VideoRoom (1.1.2) refuses RED and stamps each packet of a voice with one payload type. What it can do is send again:
its core keeps packets of any line whose description asks for it (`nack`), and browsers do the same with voices, though
none says so by itself. So the hub says it for both.
"""

from __future__ import annotations

import re
from typing import Final

from server.consult.media.engine import PICTURE_SLOTS, SOUND_SLOTS

NAMES: Final = tuple([f"s{i}" for i in range(SOUND_SLOTS)] + [f"p{i}" for i in range(PICTURE_SLOTS)])
"""What the page calls the lines it receives, in order; Janus calls them by their place."""
NOWHERE: Final = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host"
"""Janus begins nothing before it knows an address; the true one comes with the browser's first check."""


def offer_for_page(offer: str) -> str:
    """Janus's offer with the page's names of the lines; the header extension that would carry Janus's goes.

    Each line is a stream of its own. Janus calls them all one, and a browser then holds pictures back until they are as
    late as whichever voice it takes for theirs: 0.1 to 0.5 s, by the clocks of two who do not belong together.
    """
    renamed = _renamed(offer, {str(place): name for place, name in enumerate(NAMES)})
    apart = re.sub(r"(a=mid:(\w+)\r\n(?:a=(?!mid:|msid:).*\r\n)*)a=msid:.*\r\n", r"\1a=msid:\2 \2\r\n", renamed)
    return _voices_again(apart)


def answer_for_page(answer: str) -> str:
    """Janus's, to what the page sends."""
    return _voices_again(answer)


def answer_for_janus(answer: str) -> str:
    """The page's, to Janus's offer."""
    return _voices_again(_from_nowhere(_renamed(answer, {name: str(place) for place, name in enumerate(NAMES)})))


def offer_for_janus(offer: str) -> str:
    """The page's, of what it sends."""
    return _voices_again(_from_nowhere(offer))


def _voices_again(text: str) -> str:
    """Lost packets of a voice are asked for, and sent, once more."""
    return re.sub(r"(?im)^a=rtpmap:(\d+) opus/.*\n", r"\g<0>a=rtcp-fb:\1 nack\r\n", text)


def _renamed(text: str, names: dict[str, str]) -> str:
    rows = []
    for row in text.splitlines():
        found = re.match(r"(a=mid:|a=group:BUNDLE )(.*)", row)
        if found is not None:
            rows.append(found[1] + " ".join(names.get(mid, mid) for mid in found[2].split()))
        elif not row.startswith("a=extmap:") or not row.endswith(":sdes:mid"):
            rows.append(row)
    return "\r\n".join(rows) + "\r\n"


def _from_nowhere(text: str) -> str:
    """Without the addresses a browser may have named: a name out of multicast DNS would keep Janus waiting for it."""
    rows = [row for row in text.splitlines() if not row.startswith(("a=candidate:", "a=end-of-candidates"))]
    first = next(i for i, row in enumerate(rows) if row.startswith("a=mid:"))
    return "\r\n".join([*rows[: first + 1], NOWHERE, *rows[first + 1 :]]) + "\r\n"
