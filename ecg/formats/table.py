"""The CSV profile: samples as text, for whoever can export nothing else.

`docs/reference/formats.md` describes it: lines `# fs=500` and `# unit=uV`, a row of lead names, one row a sample. What
is no number is refused, never interpreted.
"""

from __future__ import annotations

import io
import re
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from ecg import codes
from ecg.errors import FieldWrong, NoWaveform, UnitUnknown
from ecg.formats.document import I32, NO_SIGNAL, THE_FILE, Document, Maker, Person, named_leads
from ecg.formats.fields import checked_rate, checked_size, microvolts_of
from ecg.record import Sex

NAME: Final = "CSV"

F64 = npt.NDArray[np.float64]

CELLS_MAX = 4_000_000  # 11 min of 12 leads at 500 Hz
DECIMALS_MAX = 6
KEYS = ("fs", "unit", "start", "name", "id", "sex", "birth_date", "age", "device")
TIMES = ("time", "t", "timestamp", "sample", "samples", "index", "no", "no.", "时间", "时刻", "序号", "采样点")
"""Names of a first column that counts samples or seconds: passed over, since `# fs=` says how many a second."""
NAME_LETTERS_MAX = 60
_NAMED = re.compile(r"([^\[\](（）)]+)[\[(（]([^\[\](（）)]+)[\])）]")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,2})?$", re.ASCII)
_DIGITS = re.compile(r"[-+0-9.eE,;\t \r\n]*", re.ASCII)
_SETTING = re.compile(r"#\s*(\w+)\s*[=:]\s*(.*)$")
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SEXES: dict[str, Sex] = {"m": "M", "male": "M", "男": "M", "f": "F", "female": "F", "女": "F"}


def recognises(raw: bytes) -> bool:
    """By a setting of the profile among the comments it begins with, or by a first row of lead names."""
    beginning = _decoded(raw[:4096]).splitlines()
    for line in beginning:
        setting = _SETTING.match(line)
        if setting and setting[1].casefold() in KEYS:
            return True
        if line.strip() and not line.startswith("#"):
            names, _, has_times = _columns(_cells(line, _separator(line)))
            return len(names) + has_times > 1 and all(codes.lead_of(name) for name in names)
    return False


def parse(raw: bytes) -> Document:
    """Every column.

    Raises  FieldWrong (no fs, a cell that is no number, a row of another length), UnitUnknown, LeadUnknown, LeadTwice,
            NoWaveform, FileTooLarge.
    """
    settings, rows = _settings(_decoded(raw))
    if not rows:
        raise NoWaveform(path=THE_FILE)
    separator = _separator(rows[0])
    names, of_columns, has_times = _columns(_cells(rows[0], separator))
    leads = named_leads(names)
    stated = settings.get("fs", "")
    fs = checked_rate(_float(stated) if _NUMBER.match(stated) else 0.0, stated or "missing", "fs")
    unit = settings.get("unit", "") or of_columns
    uv = microvolts_of(unit)
    if uv is None:
        raise UnitUnknown(path=THE_FILE, lead=", ".join(leads), unit=unit or "(none)")
    body = [row.partition(separator)[2] for row in rows[1:]] if has_times else rows[1:]
    steps, decimals = _steps(body, separator, len(leads))
    age = settings.get("age", "")
    return Document(
        format=NAME,
        fs=fs,
        leads=leads,
        steps=steps,
        uv_per_step=(uv / 10**decimals,) * len(leads),
        start=_start(settings.get("start", "")),
        person=Person(
            name=settings.get("name", ""),
            id_no=settings.get("id", ""),
            sex=_SEXES.get(settings.get("sex", "").casefold(), ""),
            birth_date=_birth_date(settings.get("birth_date", "")),
            age_years=int(age) if age.isascii() and age.isdigit() and len(age) <= 3 and int(age) <= 150 else None,
        ),
        maker=Maker(name=settings.get("device", "")),
    )


def _decoded(raw: bytes) -> str:
    """UTF-8, UTF-16 with its mark (as a spreadsheet saves "Unicode text"), else GB 18030; damage stays visible."""
    for mark, charset in _BYTE_ORDER_MARKS.items():
        if raw.startswith(mark):
            return raw.decode(charset, errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as damage:
        # A piece of a file may end inside a character.
        return raw.decode("utf-8" if damage.start > len(raw) - 4 else "gb18030", errors="replace")


def _settings(words: str) -> tuple[dict[str, str], list[str]]:
    settings: dict[str, str] = {}
    rows: list[str] = []
    for line in words.splitlines():
        if line.startswith("#"):
            setting = _SETTING.match(line.rstrip(" ,;\t"))
            if setting and not rows:
                settings.setdefault(setting[1].casefold(), setting[2].strip())
        elif line.strip(" ,;\t") or rows:
            rows.append(line)
    while rows and not rows[-1].strip(" ,;\t"):
        rows.pop()
    return settings, rows


def _separator(line: str) -> str:
    return next((mark for mark in ("\t", ";") if mark in line), ",")


def _columns(cells: list[str]) -> tuple[list[str], str, bool]:
    """Names of the leads, the unit that all of them state behind ("II (mV)"), and whether times stand before them."""
    if any(len(cell) > NAME_LETTERS_MAX for cell in cells):
        return cells, "", False
    first = _NAMED.fullmatch(cells[0])
    has_times = (first[1] if first else cells[0]).strip().casefold() in TIMES
    found = [_NAMED.fullmatch(cell) for cell in cells[has_times:]]
    units = {name[2].casefold() for name in found if name and microvolts_of(name[2])}
    if len(units) != 1 or not all(found):
        return cells[has_times:], "", has_times
    return [name[1] for name in found if name], units.pop(), has_times


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(separator)]


def _steps(rows: list[str], separator: str, leads: int) -> tuple[I32, int]:
    """(samples, leads) as whole numbers of the last decimal place that is used, and how many places that are."""
    if not rows:
        raise NoWaveform(path=THE_FILE)
    checked_size(len(rows), leads)
    if len(rows) * leads > CELLS_MAX:
        raise FieldWrong(
            path=THE_FILE, field="samples", got=str(len(rows) * leads), why=f"a table has at most {CELLS_MAX}"
        )
    values = _plain(rows, separator, leads)
    if values is None:
        values = _cell_by_cell(rows, separator, leads)
    decimals = _decimals(rows, separator)
    largest = float(np.nanmax(np.abs(values))) if not np.isnan(values).all() else 0.0
    while decimals and largest * 10**decimals >= 2**31:
        decimals -= 1
    if largest >= 2**31:
        raise FieldWrong(path=THE_FILE, field="samples", got=f"{largest:g}", why="no heart has such a voltage")
    steps = np.rint(np.where(np.isnan(values), NO_SIGNAL, values * 10**decimals))
    return np.where(np.isnan(values), NO_SIGNAL, steps).astype(np.int32), decimals


def _plain(rows: list[str], separator: str, leads: int) -> F64 | None:
    """A table of digits alone, with no cell empty, at once; None where something needs a closer look."""
    text = "\n".join(rows).replace(",", "." if separator != "," else ",")
    if not _DIGITS.fullmatch(text):
        return None
    try:
        values = np.loadtxt(io.StringIO(text), delimiter=separator, comments=None, ndmin=2)
    except ValueError:
        return None
    return values if values.shape == (len(rows), leads) and np.isfinite(values).all() else None


def _cell_by_cell(rows: list[str], separator: str, leads: int) -> F64:
    """Each cell by itself, NaN for an empty one. Raises FieldWrong with the row that is wrong."""
    values = np.full((len(rows), leads), np.nan)
    for at, row in enumerate(rows):
        cells = _cells(row, separator)
        if len(cells) != leads:
            raise FieldWrong(
                path=THE_FILE, field=f"row {at + 1}", got=f"{len(cells)} cells", why=f"{leads} leads are named"
            )
        for column, cell in enumerate(cells):
            if cell:
                values[at, column] = _value(cell, at)
    return values


def _value(cell: str, at: int) -> float:
    if not _NUMBER.match(cell.replace(",", ".")):
        raise FieldWrong(path=THE_FILE, field=f"row {at + 1}", got=cell[:40], why="it is no number")
    return _float(cell)


def _decimals(rows: list[str], separator: str) -> int:
    """Decimal places of the finest cell, at most those that are kept."""
    text = "\n".join(rows)
    if "e" in text or "E" in text:
        return DECIMALS_MAX
    marks = "." if separator == "," else ".,"
    return min(max(map(len, re.findall(rf"[{marks}](\d+)", text)), default=0), DECIMALS_MAX)


def _float(cell: str) -> float:
    return float(cell.replace(",", "."))


def _start(stated: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stated) if stated else None
    except ValueError:
        return None


def _birth_date(stated: str) -> str:
    born = _start(stated)
    return born.strftime("%Y-%m-%d") if born else ""
