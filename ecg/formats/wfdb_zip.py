"""A WFDB record as one file: a ZIP with its header (.hea) and signal files, or those of its segments.

The archive's bounds are `archive.py`'s business, the record itself `wfdb_steps.py`'s, which reads it from a folder of
its own that is gone afterwards.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from ecg.errors import EcgError, FieldWrong, FormatRefused
from ecg.formats import archive, wfdb_steps
from ecg.formats.document import THE_FILE, Document

NAME: Final = "WFDB in a ZIP"


def recognises(raw: bytes) -> bool:
    """By the mark of a ZIP; an archive of one file was opened before any format was asked."""
    return archive.is_zip(raw)


def parse(raw: bytes) -> Document:
    """The record. Raises what `archive.members` and `wfdb_steps.document` raise, and FormatRefused: another archive."""
    files = archive.members(raw)
    header = _header(files)
    for name in (name for name in files if name.endswith(".hea")):
        for line in files[name].decode("latin-1").splitlines()[1:]:
            needed = line.split()[0] if line.split() and not line.startswith("#") else ""
            if needed and needed not in files and f"{needed}.hea" not in files and needed != "~":
                # Checked here because the record's own reader would follow a path out of its folder.
                raise FieldWrong(
                    path=THE_FILE, field="signal file", got=needed[:80], why="the archive does not hold it"
                )
    with tempfile.TemporaryDirectory(prefix="xinlian-wfdb-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        try:
            return wfdb_steps.document(Path(folder) / header)
        except EcgError as error:
            facts = error.facts()
            if "path" in facts:
                facts["path"] = THE_FILE  # the folder is gone when somebody reads the sentence
            raise type(error)(*facts.values()) from None


def _header(files: dict[str, bytes]) -> str:
    """The header of the one record: of several that which names the others as its segments. Raises FormatRefused."""
    headers = [name for name in files if name.endswith(".hea")]
    whole = [name for name in headers if "/" in _words(files[name])[0]] if len(headers) > 1 else headers
    if len(whole) == 1 and {f"{word}.hea" for word in _words(files[whole[0]])} >= {*headers} - {*whole}:
        return whole[0]
    reason = f"it holds {len(headers)} WFDB headers (.hea) among {len(files)} files, where one recording is wanted"
    raise FormatRefused(path=THE_FILE, format="a ZIP archive", reason=reason)


def _words(header: bytes) -> list[str]:
    """The first word of each line that is no comment."""
    lines = header.decode("latin-1").splitlines()
    return [line.split()[0] for line in lines if line.split() and not line.startswith("#")] or [""]
