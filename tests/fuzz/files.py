"""Files as a surface: their sound seeds, faults that know what XML and an archive are, and what a reading must be.

The loop is `guide.py`'s. `../fault/corpus/files` keeps what once broke a reader.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from ecg import formats
from ecg.errors import WrongRate, WrongSignal
from ecg.formats.document import SAMPLES_MAX
from tests.ecg.conftest import SAMPLES, given_folder
from tests.ecg.encoders import scp_renewed
from tests.ecg.test_formats_fuzz import MADE
from tests.ecg.test_formats_text import packed
from tests.ecg.test_formats_wfdb import FIXED, VARIABLE
from tests.ecg.test_formats_xml_fuzz import HOSTILE as WORDS
from tests.ecg.test_formats_xml_fuzz import SMALL, small
from tests.fuzz.guide import Surface, changed

CORPUS: Final = Path(__file__).parents[1] / "fault/corpus/files"
GIVEN: Final = {
    "scp": ("scp_*.scp", "damaged/scp_*.scp"),
    "dicom": ("dicom_*.dcm", "damaged/dicom_*.dcm"),
    "edf": ("edf*.edf", "damaged/edf_*.edf"),
    "ishne": ("ishne_*.ecg", "damaged/ishne_*.ecg"),
    "contec": ("contec_*.ecg",),
    "aecg": ("aecg_*.xml", "damaged/*aecg*.xml"),
    "muse": ("muse_*.xml", "damaged/*muse*.xml"),
    "cardiosoft": ("cardiosoft_*.xml",),
    "sierra": ("philips_*.xml", "damaged/philips_*.xml"),
    "schiller": ("schiller_*.xml",),
}  # sample files of each surface, below the folder of samples
XML: Final = ("aecg", "muse", "cardiosoft", "sapphire", "sierra", "schiller", "mortara")
NAMES: Final = ("scp", "dicom", "edf", "ishne", "mfer", "contec", "zip", "csv", *XML)
SEED_BYTES_MAX: Final = 60_000  # a longer sample file is used by its beginning: quicker to read, and broken by itself
RECORDING_VALUES_MAX: Final = 1_000_000  # a longer one would take its memory twice


def surface(name: str) -> Surface:
    """The readers of one format."""
    mend = _checksums_renewed if name == "scp" else None
    change = _archive_changed if name == "zip" else _field_changed if name in XML else None
    return Surface(_seeds(name), read, ("ecg/formats/",), mend, change=change)


def read(raw: bytes) -> None:
    """Read a file into a document that keeps its promises. Raises EcgError; anything else is a fault."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):  # what numpy would only print
        got = formats.document(raw)
    assert got.steps.dtype == np.int32, "whole numbers"
    assert got.steps.shape[1] == len(got.leads) == len(got.uv_per_step), "a column, a name and a step a lead"
    assert 0 < got.steps.size <= SAMPLES_MAX, "samples, and not too many"
    assert len(set(got.leads)) == len(got.leads), "no lead twice"
    assert all(0 < step < float("inf") for step in got.uv_per_step), "steps above 0"
    assert got.fs > 0, "a rate above 0"
    assert all(str(warning) for warning in got.warnings)
    json.dumps([warning.facts() for warning in got.warnings])
    if got.steps.size < RECORDING_VALUES_MAX:
        with contextlib.suppress(WrongRate, WrongSignal):
            got.recording()


def _seeds(name: str) -> list[bytes]:
    """Those made here first, since they are small, then the samples, then what once broke something."""
    found = [raw for made, raw in MADE.items() if made.split()[0] == name or (name, made) == ("edf", "bdf")]
    found += [small(made) for made in SMALL if made.split()[0] == name or (name, made) == ("cardiosoft", "disclosure")]
    if name == "zip":
        found += [packed(FIXED), packed(VARIABLE)]
    for pattern in GIVEN.get(name, ()):
        for path in sorted(given_folder(SAMPLES).glob(pattern)):
            with path.open("rb") as file:
                found.append(file.read(SEED_BYTES_MAX))
    return found + [path.read_bytes() for path in sorted(CORPUS.glob(f"{name}-*"))]


def _checksums_renewed(raw: bytes) -> bytes:
    with contextlib.suppress(struct.error, IndexError):  # too damaged to have any
        return scp_renewed(raw)
    return raw


def _field_changed(rng: random.Random, raw: bytes) -> bytes:
    """The content of an element or an attribute gives way to what no field should hold."""
    start = max(raw.find(rng.choice((b">", b'"', b"'")), rng.randrange(len(raw) + 1)), 0) + 1
    ends = [raw.find(mark, start) for mark in (b"<", b'"', b"'")]
    end = min((at for at in ends if at >= 0), default=start)
    return raw[:start] + rng.choice(WORDS) + raw[end:]


def _archive_changed(rng: random.Random, raw: bytes) -> bytes:
    """The files inside changed, and packed again."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                content = old.read(name)
                likely = 0.9 if name.endswith(".hea") else 0.4
                new.writestr(name, changed(rng, [content]) if content and rng.random() < likely else content)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, OSError, struct.error, EOFError):
        return raw
    return out.getvalue()
