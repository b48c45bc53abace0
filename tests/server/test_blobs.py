"""The contract of `Blobs`, kept by every store there is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.base.blobs import BlobDiffers, BlobKeyRefused, BlobMissing, Blobs, FileBlobs
from server.base.errors import StorageFull

STORES: dict[str, Callable[[Path], Blobs]] = {"files": lambda folder: FileBlobs(folder / "blobs")}


@pytest.fixture(params=STORES)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return STORES[request.param](tmp_path)


async def test_what_was_put_is_read_back(blobs: Blobs) -> None:
    await blobs.put("recordings/2026/a.ecg", b"\x00samples")
    assert await blobs.get("recordings/2026/a.ecg") == b"\x00samples"
    assert await blobs.exists("recordings/2026/a.ecg")
    assert await blobs.size("recordings/2026/a.ecg") == 8
    assert await blobs.part("recordings/2026/a.ecg", 1, 4) == b"samp"
    assert await blobs.part("recordings/2026/a.ecg", 6, 99) == b"es"


async def test_a_missing_blob_has_its_own_error(blobs: Blobs) -> None:
    assert not await blobs.exists("nothing")
    with pytest.raises(BlobMissing):
        await blobs.get("nothing")
    with pytest.raises(BlobMissing):
        await blobs.size("no/thing")
    with pytest.raises(BlobMissing):
        await blobs.part("nothing", 0, 1)


async def test_the_same_content_again_is_fine_another_is_refused(blobs: Blobs) -> None:
    await blobs.put("a", b"one")
    await blobs.put("a", b"one")
    with pytest.raises(BlobDiffers):
        await blobs.put("a", b"two")
    assert await blobs.get("a") == b"one"


async def test_many_writers_of_one_key_leave_one_content(blobs: Blobs) -> None:
    contents = [bytes([n]) * 1000 for n in range(8)]
    results = await asyncio.gather(*(blobs.put("a/b", content) for content in contents), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert await blobs.get("a/b") in contents


async def test_keys_are_listed_below_a_prefix(blobs: Blobs) -> None:
    for key in ("r/2026/b", "r/2026/a", "r/2025/c", "reports/x.pdf"):
        await blobs.put(key, b"")
    assert await blobs.keys("r/2026") == ["r/2026/a", "r/2026/b"]
    assert len(await blobs.keys()) == 4
    await blobs.delete("r/2026/a")
    await blobs.delete("r/2026/a")
    assert await blobs.keys("r/2026") == ["r/2026/b"]


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../a", "a/../../b", "a//b", ".hidden", "a/.part", "A", "a\0", "a/", "心"]
)
async def test_a_key_cannot_lead_out_of_the_store(blobs: Blobs, key: str) -> None:
    for call in (blobs.get(key), blobs.put(key, b""), blobs.exists(key), blobs.size(key), blobs.delete(key)):
        with pytest.raises(BlobKeyRefused):
            await call


@given(st.text(alphabet="./a~\\-%", max_size=12))
def test_whatever_the_key_no_path_leaves_the_folder(key: str) -> None:
    store = FileBlobs(Path("store"))
    try:
        path = store._path(key)
    except BlobKeyRefused:
        return
    assert os.path.normpath(path).startswith("store" + os.sep)


async def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(fd: int) -> None:
        raise OSError(28, "No space left on device")

    store = FileBlobs(tmp_path)
    monkeypatch.setattr("server.base.blobs.os.fsync", broken)
    with pytest.raises(StorageFull):
        await store.put("a", b"content")
    assert os.listdir(tmp_path) == []


async def test_file_and_folders_are_synced_before_put_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order that survives a power cut: the file, then its name, then the names of new folders."""
    synced: list[str] = []
    fsync = os.fsync

    def watched(fd: int) -> None:
        path = os.readlink(f"/proc/self/fd/{fd}")
        synced.append("file" if path.endswith(".part") else os.path.relpath(path, tmp_path))
        fsync(fd)

    monkeypatch.setattr("server.base.blobs.os.fsync", watched)
    await FileBlobs(tmp_path / "blobs").put("x/y/z", b"content")
    assert synced[-2:] == ["file", "blobs/x/y"]
    assert {"blobs/x", "blobs", "."} <= set(synced[:-2])
