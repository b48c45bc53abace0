"""A WFDB record as one file: a ZIP with one header (.hea) and its signal files.

The archive's bounds are `archive.py`'s business, the record itself `wfdb.py`'s, which reads it from a folder of its own
that is gone afterwards.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from ecg.errors import EcgError, FieldWrong, FormatRefused
from ecg.formats import archive, wfdb
from ecg.formats.document import THE_FILE, Document

NAME: Final = "WFDB in a ZIP"


def recognises(raw: bytes) -> bool:
    """By the mark of a ZIP; an archive of one file was opened before any format was asked."""
    return archive.is_zip(raw)


def parse(raw: bytes) -> Document:
    """The record. Raises what `archive.members` and `wfdb.document` raise, and FormatRefused: another archive."""
    files = archive.members(raw)
    headers = [name for name in files if name.endswith(".hea")]
    if len(headers) != 1:
        reason = f"it holds {len(headers)} WFDB headers (.hea) among {len(files)} files, where one recording is wanted"
        raise FormatRefused(path=THE_FILE, format="a ZIP archive", reason=reason)
    for line in files[headers[0]].decode("latin-1").splitlines()[1:]:
        name = line.split()[0] if line.split() and not line.startswith("#") else ""
        if name and name not in files:
            # Checked here because the record's own reader would follow a path out of its folder.
            raise FieldWrong(path=THE_FILE, field="signal file", got=name[:80], why="the archive does not hold it")
    with tempfile.TemporaryDirectory(prefix="xinlian-wfdb-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        try:
            return wfdb.document(Path(folder) / headers[0])
        except EcgError as error:
            facts = error.facts()
            if "path" in facts:
                facts["path"] = THE_FILE  # the folder is gone when somebody reads the sentence
            raise type(error)(*facts.values()) from None
