"""The consultation room reacts to nothing yet: every step of a case is somebody's command."""

from __future__ import annotations

from server.base.spine import Reaction
from server.consult.service import Consultations


def reactions(room: Consultations) -> tuple[Reaction, ...]:
    return ()
