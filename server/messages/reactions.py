"""The messages room reacts to nothing: a thread exists as soon as its case does."""

from __future__ import annotations

from server.base.spine import Reaction
from server.messages.service import Messages


def reactions(room: Messages) -> tuple[Reaction, ...]:
    return ()
