"""What msgspec raises for bytes that are not what was asked for. Apart from `errors.py`, which has to load nothing."""

from __future__ import annotations

from typing import Final

import msgspec

NOT_AS_EXPECTED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Another type, no UTF-8, too deep. For `except`."""
