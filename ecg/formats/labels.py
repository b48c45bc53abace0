"""Tables of labels: a CSV file with a column `record`, one row a recording, as the public data sets carry them.

A table maps the name of a record to the text in one other column. What the text means is for the caller to say.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from ecg.errors import AnnotationMissing, FileBroken, LabelColumnMissing


def read_labels(path: Path, column: str) -> Mapping[str, str]:
    """The texts of one column by record; the last row of a record stands.

    Raises  AnnotationMissing: there is no such file. LabelColumnMissing: it has no column `record` or `column`.
            FileBroken: it is no text in UTF-8.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            for needed in ("record", column):
                if needed not in (rows.fieldnames or ()):
                    raise LabelColumnMissing(path=str(path), column=needed)
            return {row["record"].strip(): (row[column] or "").strip() for row in rows if row["record"]}
    except OSError:
        raise AnnotationMissing(path=str(path)) from None
    except (UnicodeDecodeError, csv.Error) as reason:
        raise FileBroken(path=str(path), reason=str(reason)) from reason
