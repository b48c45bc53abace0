"""Fields of binary headers: numbers that must lie inside the file, texts in the charsets of China, dates, checksums.

What the binary format modules share. No format lives here.
"""

from __future__ import annotations

import binascii
import math
import re
import struct
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from ecg import codes
from ecg.errors import ChannelLeftOut, FieldWrong, FileTooLarge, FileTruncated, FileWarning
from ecg.formats.document import I32, NO_SIGNAL, SAMPLES_MAX, THE_FILE

UV_PER_UNIT = {
    "nv": 1e-3,
    "uv": 1.0,
    "µv": 1.0,
    "μv": 1.0,
    "mv": 1e3,
    "v": 1e6,  # both code points of the micro sign
    "microvolt": 1.0,
    "uvolt": 1.0,
    "mvolt": 1e3,
    "millivolt": 1e3,
    "volt": 1e6,
    "microvolts": 1.0,
    "millivolts": 1e3,
    "volts": 1e6,
    "mdc_dim_micro_volt": 1.0,
    "mdc_dim_milli_volt": 1e3,
    "mdc_dim_volt": 1e6,
    "mdc_dim_nano_volt": 1e-3,
}
_MICRO_MISREAD = {word: "uv" for sign in "µμ" for charset in ("utf-8", "gb18030")
                  for word in [f"{sign}V".encode(charset).decode("latin-1").casefold()]}  # fmt: skip
"""A micro sign in UTF-8 or GB18030 where ASCII is meant (EDF): as its bytes look in Latin-1."""
_HANZI = re.compile("[\u3400-\u9fff]{2}|^[\\s^=\u00b7\u3400-\u9fff]*[\u3400-\u9fff][\\s^=\u00b7\u3400-\u9fff]*$")
UV_MAX = 20_000.0
RATE_MAX_HZ = 1_000_000.0  # above it a field is damaged, whatever the machine


def numbers(layout: str, raw: bytes, at: int, where: str) -> tuple[int, ...]:
    """Whole numbers in the struct `layout` at byte `at`. Raises FileTruncated: they do not lie inside the file."""
    if at < 0 or at + struct.calcsize(layout) > len(raw):
        raise FileTruncated(path=THE_FILE, where=f"{where} would stand behind its end")
    return struct.unpack_from(layout, raw, at)


def u16(raw: bytes, at: int, where: str) -> int:
    return numbers("<H", raw, at, where)[0]


def u32(raw: bytes, at: int, where: str) -> int:
    return numbers("<I", raw, at, where)[0]


def text(raw: bytes, *charsets: str) -> str:
    """Text up to the first NUL, in the first charset that fits: those the file states, UTF-8, GB18030, Latin-1.

    Carts sold in China write GBK under any label; "Müller" in Latin-1 would be GB18030 too, but no Chinese.
    """
    for charset in (*charsets, "utf-8", *(["gb18030"] if looks_chinese(raw) else [])):
        wide = charset.startswith("utf-16")
        bare = raw[: len(raw) // 2 * 2] if wide else raw.split(b"\0", 1)[0]
        try:
            return _printable(bare.decode(charset).split("\0", 1)[0])
        except (UnicodeDecodeError, LookupError):
            continue
    return _printable(raw.split(b"\0", 1)[0].decode("latin-1"))


def _printable(words: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def looks_chinese(raw: bytes) -> bool:
    """Whether the bytes up to the first NUL are Chinese in GB18030: two characters side by side, or nothing else."""
    try:
        words = raw.split(b"\0", 1)[0].decode("gb18030")
    except UnicodeDecodeError:
        return False
    return _HANZI.search(words) is not None


def microvolts_of(unit: str) -> float | None:
    """How many microvolts a file's unit has; None for what is no voltage. An empty unit is none."""
    bare = "".join(unit.split()).casefold()
    return UV_PER_UNIT.get(bare, UV_PER_UNIT.get(_MICRO_MISREAD.get(bare, "")))


def whole_steps(steps: float) -> int:
    """An offset as whole steps, the nearer to 0 of two that are as near: half of the range of 16 bits is no offset."""
    if not abs(steps) < 2**31:
        raise FieldWrong(path=THE_FILE, field="offset", got=f"{steps:g} steps", why="no sample lies so far off")
    return int(math.copysign(max(math.ceil(abs(steps) - 0.51), 0), steps))


def in_steps(stored: npt.NDArray[np.integer], offset: int, sign: float = 1.0) -> I32:
    """Stored numbers plus an offset, turned over where the scale is below 0; NO_SIGNAL stays. Raises FieldWrong."""
    steps = stored.astype(np.int64) + offset
    steps = -steps if sign < 0 else steps
    lost = stored == NO_SIGNAL
    if steps.size and np.abs(np.where(lost, 0, steps)).max() >= 2**31:
        raise FieldWrong(path=THE_FILE, field="offset", got=f"{offset} steps", why="no sample lies so far off")
    return np.where(lost, NO_SIGNAL, steps).astype(np.int32)


def day(year: int, month: int, date: int) -> str:
    """YYYY-MM-DD, or nothing for a date that is none."""
    moment = moment_of(year, month, date)
    return moment.strftime("%Y-%m-%d") if moment else ""


def moment_of(year: int, month: int, date: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime | None:
    """A local time, or None where the fields are placeholders; nobody recorded an ECG before 1850."""
    try:
        # Without a zone on purpose: the file states none, and the hub knows the clinic's.
        return datetime(year, month, date, hour, minute, second) if year > 1850 else None  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None


def crc_ccitt(raw: bytes) -> int:
    """CRC-CCITT, polynomial 0x1021 from 0xFFFF, as SCP-ECG and ISHNE have it."""
    return binascii.crc_hqx(raw, 0xFFFF)


def checked_rate(hz: float, stated: str, name: str = "sampling rate") -> float:
    """Samples a second that can be meant. Raises FieldWrong for 0, negative, NaN and absurd ones."""
    if not 0 < hz <= RATE_MAX_HZ:
        raise FieldWrong(path=THE_FILE, field=name, got=stated, why="samples a second must be above 0")
    return float(hz)


def checked_size(samples: int, leads: int) -> None:
    """Raises FileTooLarge when a recording would hold more samples than are read; before anything is allocated."""
    if samples * leads > SAMPLES_MAX:
        raise FileTooLarge(path=THE_FILE, got=samples * leads, unit="samples", most=SAMPLES_MAX)


def with_names(spellings: Sequence[str]) -> tuple[list[int], list[FileWarning]]:
    """Which channels are leads with a name, and a word on the others; all of them when none has, to be refused.

    An ECG without a lead's name ("unknown") stands for itself once: two could not be told apart.
    """
    leads = [codes.lead_of(spelling) for spelling in spellings]
    kept = [at for at, lead in enumerate(leads) if lead and not (lead == "unknown" and lead in leads[:at])]
    if not kept:
        return list(range(len(leads))), []
    left = [spelling or "(no name)" for at, spelling in enumerate(spellings) if at not in kept]
    return kept, [ChannelLeftOut(channel=", ".join(left))] if left else []


def without_marks(steps: I32, uv_per_step: float) -> I32:
    """Samples of 16 bits, NO_SIGNAL for the smallest of them where no skin electrode gives as much.

    Recorders write it for an electrode that is off; their formats have no word for that.
    """
    is_mark = steps == -(2**15) if 2**15 * uv_per_step > UV_MAX else np.zeros(steps.shape, dtype=np.bool_)
    return np.where(is_mark, NO_SIGNAL, steps).astype(np.int32)


def side_by_side(columns: Sequence[I32], starts: Sequence[int]) -> I32:
    """Leads of whatever length on one time axis, (samples, leads): `starts` are their first samples on it, from 0.

    NO_SIGNAL where a lead has nothing. Raises FileTooLarge.
    """
    length = max(start + len(column) for start, column in zip(starts, columns, strict=True))
    checked_size(length, len(columns))
    steps = np.full((length, len(columns)), NO_SIGNAL, dtype=np.int32)
    for at, (start, column) in enumerate(zip(starts, columns, strict=True)):
        steps[start : start + len(column), at] = column
    return steps
