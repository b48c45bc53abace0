"""What a hub has to keep of files and of packed frames: checks as in `conformance_hub.py`, for the agents' side.

Each file is a small CSV of its own, so that a hub that reads what it is given finds an ECG in it.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

import msgspec

from device import coding
from device.client import clock_ms
from device.conformance import Bench, Check, Failed, Peer
from device.deposit import FileUpload, deposit_of, file_upload, packed_file
from device.frames import Ack, Opened, Receipt, Request

CHUNK: Final = 4096
SECTION: Final = "deposit"


def _a_file(bench: Bench, *, pack: bool = False) -> FileUpload:
    rows = "\n".join(f"{step - 128},{128 - step}" for step in os.urandom(2000))
    file = f"# fs=500\n# unit=uV\nI,II\n{rows}\n".encode()
    body, packed = packed_file(file) if pack else (file, False)
    opening = deposit_of(
        bench.key.device,
        "conformance.csv",
        hashlib.sha256(file).digest(),
        len(file),
        packed=packed,
        made_ms=clock_ms(),
        request=Request(note="conformance"),
    )
    return file_upload(opening, body, CHUNK)


async def _open(peer: Peer, upload: FileUpload) -> None:
    await peer.say(msgspec.structs.replace(upload.opening, device_ms=clock_ms()))


async def _finish(peer: Peer, upload: FileUpload, opened: Opened) -> Receipt:
    for seq in range(opened.next_seq, upload.frames):
        await peer.say(upload.frame(0, seq))
    await peer.say(upload.end(0))
    receipt = await peer.until(Receipt, lambda said: said.uid == upload.opening.uid)
    if receipt.sha256 != upload.opening.sha256:
        raise Failed("a receipt with another SHA-256 than the file's")
    return receipt


async def _whole(bench: Bench) -> None:
    for pack in (False, True):
        async with bench.proven() as peer:
            upload = _a_file(bench, pack=pack)
            await _open(peer, upload)
            await _finish(peer, upload, await peer.until(Opened))


async def _once(bench: Bench) -> None:
    upload = _a_file(bench)
    async with bench.proven() as peer:
        await _open(peer, upload)
        first = await _finish(peer, upload, await peer.until(Opened))
    async with bench.proven() as peer:
        await _open(peer, upload)
        again = await peer.expect(Receipt)
    if (again.recording, again.sha256) != (first.recording, first.sha256):
        raise Failed(f"the same file became {first.recording} and {again.recording}")


async def _resume(bench: Bench) -> None:
    upload = _a_file(bench)
    async with bench.proven() as peer:
        await _open(peer, upload)
        await peer.until(Opened)
        await peer.say(upload.frame(0, 0))
        await peer.say(upload.frame(0, 1))
        await peer.until(Ack, lambda ack: ack.next_seq >= 2)
    async with bench.proven() as peer:
        await _open(peer, upload)
        opened = await peer.until(Opened)
        if opened.next_seq < 2:
            raise Failed(f"resumed at {opened.next_seq} after 2 acknowledged chunks")
        await _finish(peer, upload, opened)


async def _uid(bench: Bench) -> None:
    async with bench.proven() as peer:
        await peer.say(msgspec.structs.replace(_a_file(bench).opening, uid=os.urandom(16)))
        await peer.refused("wire.file")


async def _packed(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(1.0)
        opened = await peer.begin(upload)
        for seq in range(opened.next_seq, upload.total):
            await peer.say(coding.packed(upload.frame(0, seq), upload.opening.leads))
        await peer.finish(upload, msgspec.structs.replace(opened, next_seq=upload.total))


FILE_CHECKS: Final = (
    Check("packed", "Packed frames are the same samples: the receipt's SHA-256 is of them unpacked.", "data", _packed),
    Check("file-whole", "The receipt of a file, packed or not, carries the SHA-256 of the file.", SECTION, _whole),
    Check("file-once", "A file that was stored is answered by the same receipt at once.", SECTION, _once),
    Check("file-resume", "A file goes on at next_seq, which is never below an acknowledged chunk.", SECTION, _resume),
    Check("file-uid", "A file's uid is that of its content.", SECTION, _uid, ("wire.file",)),
)
