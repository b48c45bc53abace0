"""E5 for files: every reader of `ecg.formats` fed with damaged files for as long as one likes.

`python -m tests.fault.fuzz_files --seconds 600 scp dicom` prints a line of JSON for each surface; a surface that breaks
leaves the file that did it in the folder of `--keep`, from where it goes to `corpus/files` once it is mended. Inputs
that end in a way not met before are kept and changed further, so the search goes where the readers have code.
The small, quick form that runs with every test is `tests/ecg/test_formats_fuzz.py`; the kept finds are read by
`test_hostile_files.py`. No frame of the wire is touched here (`hostile.py`).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import re
import resource
import struct
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ecg import formats
from ecg.errors import EcgError, WrongRate, WrongSignal
from ecg.formats.document import SAMPLES_MAX
from tests.ecg.conftest import SAMPLES
from tests.ecg.encoders import scp_renewed
from tests.ecg.test_formats_fuzz import MADE
from tests.ecg.test_formats_text import packed
from tests.ecg.test_formats_wfdb import FIXED, VARIABLE
from tests.ecg.test_formats_xml_fuzz import HOSTILE as WORDS
from tests.ecg.test_formats_xml_fuzz import SMALL

CORPUS: Final = Path(__file__).parent / "corpus/files"
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
SURFACES: Final = (
    *("scp", "dicom", "edf", "ishne", "mfer", "contec", "zip", "csv"),
    *("aecg", "muse", "cardiosoft", "sapphire", "sierra", "schiller", "mortara"),
)
XML: Final = SURFACES[8:]
NUMBERS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 10**9)
TEXTS: Final = (b"-1", b"99999999", b"nan", b"1e308", b"inf", b"0", b"-0.0", b"\xff\xfe", b"%s{path}", b"\xb5V", b",")
HEADER_BYTES: Final = 1400
SEED_BYTES_MAX: Final = 150_000  # a longer sample file is used by its beginning too, which is quicker to read
SECONDS_MAX: Final = 1.0  # of the process itself for one file: others share the machine
GROWTH_MAX: Final = 64 * 1024 * 1024
QUEUE_MAX: Final = 400
_VARYING: Final = re.compile(r"\d+|'[^']*'|\([^)]*\)")


@dataclass
class Tally:
    """What happened on one surface."""

    surface: str
    runs: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    endings: int = 0
    slowest_s: float = 0.0
    finds: list[str] = field(default_factory=list)

    def line(self, seconds: float, grown: int) -> str:
        return json.dumps(
            {
                "surface": self.surface, "seconds": round(seconds), "runs": self.runs, "read": self.read,
                "refused": sum(self.refused.values()), "codes": len(self.refused), "endings": self.endings,
                "slowest_s": round(self.slowest_s, 3), "rss_growth_mib": round(grown / 2**20, 1), "finds": self.finds,
            }
        )  # fmt: skip


def seeds(surface: str) -> list[bytes]:
    """Whole files of a surface: those made here first, since they are small, then the samples."""
    found = [raw for name, raw in MADE.items() if name.split()[0] == surface or (surface, name) == ("edf", "bdf")]
    found += [build() for name, build in SMALL.items() if surface == name.split()[0]]
    if surface == "cardiosoft":
        found.append(SMALL["disclosure"]())
    for pattern in GIVEN.get(surface, ()):
        for path in sorted(SAMPLES.glob(pattern)):
            raw = path.read_bytes()
            found += [raw] if len(raw) <= SEED_BYTES_MAX else [raw[:SEED_BYTES_MAX], raw]
    if surface == "zip":
        found += [packed(FIXED), packed(VARIABLE)]
    return found + [path.read_bytes() for path in sorted(CORPUS.glob(f"{surface}-*"))]


def changed(raw: bytes, surface: str, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """The file with one to four faults, then with checksums and archives made whole around them where they have any."""
    if surface == "zip" and rng.random() < 0.8:
        return _zip_changed(raw, rng)
    out = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        if surface in XML and rng.random() < 0.6:
            out = _field(out, rng)
        else:
            _fault(out, rng, others)
    if surface == "scp" and rng.random() < 0.85:
        try:
            return scp_renewed(bytes(out))
        except struct.error:  # too damaged to have any
            return bytes(out)
    return bytes(out)


def _fault(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    if not out:
        return
    at = rng.randrange(min(len(out), HEADER_BYTES) if rng.random() < 0.6 else len(out))
    size = rng.randint(1, 40)
    match rng.randrange(8):
        case 0:
            out[at] ^= 1 << rng.randrange(8)
        case 1:
            out[at] = rng.randrange(256)
        case 2 | 3:
            width = rng.choice((1, 2, 4))
            number = rng.choice(NUMBERS) & (1 << 8 * width) - 1
            out[at : at + width] = number.to_bytes(width, rng.choice(("little", "big")))
        case 4:
            word = rng.choice(TEXTS)
            out[at : at + len(word)] = word
        case 5:
            del out[at : at + (size if rng.random() < 0.8 else len(out))]
        case 6:
            out[at:at] = out[at : at + size]
        case _:
            other = rng.choice(others)
            begin = rng.randrange(max(len(other), 1))
            out[at : at + 4 * size] = other[begin : begin + 4 * size]


def _field(out: bytearray, rng: random.Random) -> bytearray:
    """The content of an element or an attribute gives way to what no field should hold."""
    start = max(out.find(rng.choice((b">", b'"', b"'")), rng.randrange(len(out) + 1)), 0) + 1
    ends = [out.find(mark, start) for mark in (b"<", b'"', b"'")]
    end = min((at for at in ends if at >= 0), default=start)
    return out[:start] + rng.choice(WORDS) + out[end:]


def _zip_changed(raw: bytes, rng: random.Random) -> bytes:
    """The files inside changed, and packed again."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                content = bytearray(old.read(name))
                if rng.random() < (0.9 if name.endswith(".hea") else 0.4):
                    for _ in range(rng.randint(1, 3)):
                        _fault(content, rng, (raw,))
                new.writestr(name, bytes(content))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, OSError, EOFError, struct.error):
        return raw
    return out.getvalue()


def ending(raw: bytes) -> tuple[str, str]:
    """How a file ends: ("read" or a code, what tells this end from another). Raises AssertionError."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):  # what numpy would only print
            got = formats.document(raw)
    except EcgError as error:
        words = str(error)
        json.dumps([error.facts(), words])
        return error.code, _VARYING.sub("#", words)[:90]
    assert got.steps.dtype == np.int32, "whole numbers"
    assert got.steps.shape[1] == len(got.leads) == len(got.uv_per_step), "a column, a name and a step a lead"
    assert 0 < got.steps.size <= SAMPLES_MAX, "samples, and not too many"
    assert len(set(got.leads)) == len(got.leads), "no lead twice"
    assert all(0 < step < float("inf") for step in got.uv_per_step), "steps above 0"
    assert got.fs > 0, "a rate above 0"
    words = " ".join(type(warning).__name__ for warning in got.warnings if str(warning))
    if got.steps.size < 1_000_000:  # a longer one would take its memory twice
        try:
            got.recording()
        except (WrongRate, WrongSignal) as error:
            words += type(error).__name__
    return "read", f"{got.format[:12]} {len(got.leads)} {words}"


def rss_bytes() -> int:
    """The most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(surface: str, seed: int, keep: Path, *, seconds: float = float("inf"), runs: int = 2**63) -> tuple[Tally, int]:
    """Damaged files of one surface, for so long or so many; and by how much the memory rose over that of whole files.

    A file that ends otherwise than in a document or a code, or takes too long or too much, is left in `keep`.
    """
    rng = random.Random(seed)
    queue = seeds(surface)
    assert queue, f"no file to begin with for {surface}"
    small = [raw for raw in queue if len(raw) <= 20_000] or queue
    found = list(small)
    tally = Tally(surface)
    met = {ending(raw) for raw in queue}
    before = rss_bytes()
    until = time.monotonic() + seconds
    while time.monotonic() < until and tally.runs < runs:
        drawn = rng.random()
        raw = changed(rng.choice(small if drawn < 0.5 else found if drawn < 0.9 else queue), surface, rng, small)
        end, why = _watched(raw, tally)
        if why:
            file = keep / f"{surface}-{hashlib.sha256(raw).hexdigest()[:12]}"
            file.write_bytes(raw)
            tally.finds.append(f"{file.name} {why}"[:200])
        elif end[0] == "read":
            tally.read += 1
        else:
            tally.refused[end[0]] += 1
        if not why and end not in met:
            met.add(end)
            found = [*found[-QUEUE_MAX:], raw] if len(raw) <= 20_000 else found
    tally.endings = len(met)
    return tally, rss_bytes() - before


def _watched(raw: bytes, tally: Tally) -> tuple[tuple[str, str], str]:
    """How a file ends, and what is wrong with that."""
    began, memory = time.process_time(), rss_bytes()
    end, why = ("", ""), ""
    try:
        end = ending(raw)
    except Exception as error:  # whatever it is, it is what is looked for
        why = f"{type(error).__name__}: {error}"
    took, grown = time.process_time() - began, rss_bytes() - memory
    tally.runs += 1
    tally.slowest_s = max(tally.slowest_s, took)
    if not why and took > SECONDS_MAX:
        why = f"slow: {took:.1f} s"
    if not why and grown > GROWTH_MAX:
        why = f"memory: {grown >> 20} MiB"
    return end, why


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("surfaces", nargs="*", choices=[*SURFACES, []])
    words.add_argument("--seconds", type=float, default=60)
    words.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    words.add_argument("--keep", type=Path, default=Path("."))
    asked = words.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    for surface in asked.surfaces or SURFACES:
        began = time.monotonic()
        tally, grown = fuzz(surface, asked.seed, asked.keep, seconds=asked.seconds)
        print(tally.line(time.monotonic() - began, grown), flush=True)


if __name__ == "__main__":
    main()
