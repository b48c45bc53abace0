"""How sure a share is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from server.consult.after.model import Share

Z_95 = 1.959964


def wilson(count: int, of: int) -> Share:
    """Wilson's score interval (Wilson 1927, J Am Stat Assoc 22:209), which holds for few answers and near 100 %."""
    if of == 0:
        return Share(count, of, None, None, None)
    share = count / of
    middle = share + Z_95**2 / (2 * of)
    half = Z_95 * math.sqrt(share * (1 - share) / of + Z_95**2 / (4 * of**2))
    whole = 1 + Z_95**2 / of
    return Share(count, of, share, max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole))


def mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None
