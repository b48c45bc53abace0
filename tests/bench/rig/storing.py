"""C8 and C9: how small samples become without losing one, and what an ECG takes on the disk, all included."""

from __future__ import annotations

import asyncio
import contextlib
import io
import lzma
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile  # type: ignore[import-untyped]  # it has no types
import wfdb
import zstandard

from device import coding as product
from device.client import DeviceKey
from device.frames import GAIN_UV_LEAST, GAIN_UV_MOST, I16, Patient, Request
from device.header import Header
from device.simulate import run_device, upload_of
from server import demo
from tests.bench.rig import subject
from tests.bench.rig.packets import ROOT, recordings
from tests.bench.rig.subject import Subject
from tests.bench.rig.talks import device_key, device_name
from tests.bench.sheet import Sheet
from tests.server.conftest import Browser
from tests.waiting import until

DATA: Final = ROOT.parent / "shared/data"
TWELVE: Final = ("ludb", "cinc2021", "cinc2011")  # leads
FEW: Final = ("cinc2015", "cinc2017", "cpsc2021", "cudb", "mitdb", "nstdb")
TURNS: Final = 3
STORED: Final = 20  # recordings of C9
STORED_S_MAX: Final = 300.0
REPORT: Final = {
    "statements": [{"code": "SINUS_RHYTHM", "text": "窦性心律"}],
    "grade": "normal",
    "lowered_reason": "测量存储用量",
}


@dataclass(frozen=True)
class Case:
    """One recording as its file holds it."""

    header: Header
    samples: I16

    @property
    def raw(self) -> bytes:
        return self.samples.astype("<i2").tobytes()


def coding(sheet: Sheet) -> None:
    """C8: bits a sample of the product's archive file, header included, beside general coders on the same samples."""
    worse, recordings_seen = 0, 0
    for name in (*TWELVE, *FEW):
        cases = list(_cases(DATA / name))
        if not cases:
            print(f"C8: no recordings at {DATA / name}: left out", file=sys.stderr)
            continue
        total = sum(case.samples.size for case in cases)
        ours = [product.encode(case.header, case.samples) for case in cases]
        flac = [_flac(case.samples) for case in cases]
        ratios = [len(own) / theirs for own, theirs in zip(ours, flac, strict=True)]
        worse += sum(ratio > 1 for ratio in ratios)
        recordings_seen += len(cases)
        bits = 8 * sum(map(len, ours)) / total
        peers = {"flac": ("FLAC, highest level, 6 channels", sum(flac))}
        if name in TWELVE:
            xz = sum(len(lzma.compress(case.raw, preset=6)) for case in cases)
            derived = sum(len(lzma.compress(_less_formulas(case), preset=6)) for case in cases)
            peers["xz"] = ("xz -6 of the samples", xz)
            peers["xz_derived"] = ("xz -6 of differences in byte planes, less what I and II say", derived)
            peers["zstd"] = ("zstd -3 of the samples", sum(len(zstandard.compress(case.raw, 3)) for case in cases))
        sheet.put(f"C8.{name}.bits", "bits/sample", [bits])
        for key, (peer, size) in peers.items():
            sheet.put(f"C8.{name}.{key}", "bits/sample", [bits], peer=peer, peer_runs=[8 * size / total])
        sheet.put(f"C8.{name}.worst", "of FLAC", [max(ratios)])
        encode, decode = _speeds(cases, ours)
        sheet.put(f"C8.{name}.encode_mb_s", "MB/s", encode)
        sheet.put(f"C8.{name}.decode_mb_s", "MB/s", decode)
        print(f"C8: {name}: {len(cases)} recordings, {2 * total / 1e6:.1f} MB", file=sys.stderr)
    if recordings_seen:
        sheet.put("C8.worse_than_flac", "recordings", [worse])


def _cases(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.glob("*.hea")):
        record = wfdb.rdrecord(str(path.with_suffix("")), physical=False)
        samples = record.d_signal.astype(np.int16)
        gain_uv = min(max(1000 / record.adc_gain[0], GAIN_UV_LEAST), GAIN_UV_MOST)
        leads = tuple(product_name(name) for name in record.sig_name)
        header = Header(
            fs=record.fs, leads=leads, gain_uv_per_lsb=gain_uv, n=len(samples), start_ms=1_700_000_000_000,
            uid="0f" * 16, sha256=product.sha256_of(samples).hex(),
        )  # fmt: skip
        yield Case(header, samples)


def _less_formulas(case: Case) -> bytes:
    """What the body of a data frame has before zstd."""
    return zstandard.decompress(product.pack(case.samples, case.header.leads))


def product_name(lead: str) -> str:
    """As the wire names it: `aVR` for AVR, avr."""
    upper = lead.upper()
    return f"aV{upper[2:]}" if upper.startswith("AV") else upper


def _flac(samples: I16) -> int:
    size = 0
    for first in range(0, samples.shape[1], 6):  # a FLAC stream has at most eight channels
        file, six = io.BytesIO(), samples[:, first : first + 6]
        soundfile.write(file, np.ascontiguousarray(six), 500, format="FLAC", subtype="PCM_16", compression_level=1.0)
        size += len(file.getvalue())
    return size


def _speeds(cases: Sequence[Case], archives: Sequence[bytes]) -> tuple[list[float], list[float]]:
    """MB of int16 a second of processor time, in each turn; decoding checks the samples' checksum, as always."""
    mb = sum(case.samples.nbytes for case in cases) / 1e6
    encode, decode = [], []
    for _ in range(TURNS):
        began = time.process_time()
        for case in cases:
            product.encode(case.header, case.samples)
        encode.append(mb / (time.process_time() - began))
        began = time.process_time()
        for archive, case in zip(archives, cases, strict=True):
            back = product.decode(archive)[1]
            assert np.array_equal(back, case.samples)
        decode.append(mb / (time.process_time() - began))
    return encode, decode


# ---- C9 ----


def whole(sheet: Sheet, hub: Callable[[], Path], *, quick: bool) -> None:
    """C9: recordings received over the wire, analysed, reported; then the hub is stopped and its folder weighed. Told
    beside it and not in it is what does not grow with the ECGs: prints, whose folder has a bound, and the answers to
    commands, which are forgotten after two days."""
    count = 6 if quick else STORED
    folder = hub()
    before, tables = _weights(folder), _tables(folder)
    running = subject.start("hub", folder)
    try:
        asyncio.run(_fill(running, count))
        running.process.terminate()  # a planned stop: what SQLite still keeps aside goes into its file
        running.process.wait(30)
        after = _weights(folder)
        rows = {name: size - tables.get(name, 0) for name, size in _tables(folder).items()}
    finally:
        running.remove()
    grown = {name: (after[name] - before[name]) / count / 1024 for name in after}
    largest = sorted(((size / count / 1024, name) for name, size in rows.items()), reverse=True)[:10]
    print(f"C9: KiB an ECG: {', '.join(f'{name} {size:.1f}' for name, size in grown.items())}", file=sys.stderr)
    print(f"C9: the rows: {', '.join(f'{name} {size:.2f}' for size, name in largest)}", file=sys.stderr)
    grown["passing"] = sum(size for name, size in rows.items() if "command" in name) / count / 1024
    grown["rows"] -= grown["passing"]
    sheet.put("C9", "KiB", [grown["samples"] + grown["rows"]])
    for name in ("samples", "rows", "prints", "passing"):
        sheet.put(f"C9.{name}", "KiB", [grown[name]])


def _weights(folder: Path) -> dict[str, int]:
    """Bytes by what they are. The journal is let go once what stands in it is sealed: it is not of the archive."""
    sizes = {"samples": 0, "prints": 0, "rows": 0}
    for path in folder.rglob("*"):
        place = path.relative_to(folder).parts
        if not path.is_file() or place[0] in ("journal", "log", "config.yaml"):
            continue
        kind = {"blobs": "samples", "prints": "prints"}.get(place[0], "rows")
        sizes[kind] += path.stat().st_size
    return sizes


def _tables(folder: Path) -> dict[str, int]:
    """Bytes of each table and index of the database, whole pages."""
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'hub.sqlite'}?mode=ro", uri=True)) as conn:
        return dict(conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall())


async def _fill(running: Subject, count: int) -> None:
    sent = [await _send(running, number) for number in range(count)]
    async with Browser(f"http://127.0.0.1:{running.port}") as reader:
        await reader.post("/api/session", {"login": "reader", "password": demo.PASSWORD})

        async def all_wait() -> bool:
            states = [(await reader.get(f"/api/recordings/{recording}"))["state"] for recording in sent]
            return set(states) == {"waiting"}

        await until(all_wait, STORED_S_MAX)
        for recording in sent:
            await reader.post(f"/api/recordings/{recording}/claim")
            await reader.post(f"/api/recordings/{recording}/sign", REPORT)
        await until(lambda: len(list(running.folder.glob("prints/*.pdf"))) >= count, STORED_S_MAX)


async def _send(running: Subject, number: int) -> str:
    recording = recordings()[number % len(recordings())]
    patient = Patient(name="测量", sex="F", age=60, id_no=f"bench-{number:06d}")
    upload = upload_of(recording, mode="batch", request=Request(patient=patient, symptoms=("palpitation",)))
    key = DeviceKey(device_name(number), device_key(number))
    return (await run_device(upload, f"ws://127.0.0.1:{running.device_port}", key)).recording
