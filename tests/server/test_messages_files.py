"""Files in a thread: only what they claim to be, written anew, given to those who may see the thread."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from server.base.errors import Forbidden, NotFound
from server.base.http import Raw
from server.messages import files, pictures, service
from server.messages.errors import FileNotYours, FileRefused
from server.messages.model import Attachment, WithdrawMessage
from tests.server.conftest import Hub
from tests.server.test_messages import Case, case

pytestmark = pytest.mark.usefixtures("either_database")

__all__ = ["case"]

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), *, place: bool = False) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    if place:
        exif[0x010E] = "河湾镇"  # ImageDescription
        exif[0x0112] = 6  # taken with the camera on its side
        exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, exif=exif)
    return out.getvalue()


def vast() -> bytes:
    """A PNG of a few bytes that would be 10 GB."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))


async def upload(case: Case, thread: str, content: bytes, name: str = "伤口.jpg", by: str = "usr_east") -> Attachment:
    return await files.upload(case.room, case.town.ctx(by), thread, name, content)


async def given(case: Case, file: Attachment, by: str) -> Raw:
    return await files.given(case.room, case.town.ctx(by), file.id)


async def test_a_picture_goes_with_its_message_upright_and_without_what_the_camera_wrote(case: Case) -> None:
    recording = await case.town.recording()
    taken = picture(place=True) + b"<script>alert(1)</script>"
    file = await upload(case, recording, taken)
    assert (file.kind, file.width, file.height, file.name) == ("image/jpeg", 30, 40, "伤口.jpg")
    with pytest.raises(NotFound):
        await given(case, file, "usr_first")  # nobody else's until it is sent
    sent = await case.post(recording, "", "client-0001", files=[file.id])
    assert sent.files == [file]
    assert (await case.read(recording))[0].files == [file]
    raw = await given(case, file, "usr_first")
    assert (raw.content_type, raw.attachment, len(raw.body)) == ("image/jpeg", False, file.bytes)
    assert b"script" not in raw.body
    assert not Image.open(io.BytesIO(raw.body)).getexif()
    with pytest.raises(NotFound):
        await given(case, file, "usr_west")
    await service.withdraw(case.room, case.town.ctx("usr_east"), sent.id, WithdrawMessage("错了"))
    with pytest.raises(NotFound):
        await given(case, file, "usr_east")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"hello", b"<svg onload=alert(1)>", b"GIF89a", b"MZ\x90", PDF[:20], b" " + PDF, picture()[:200],
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50, vast(), b"\xff\xd8\xff" + b"x" * 5000,
    ],
)  # fmt: skip
async def test_what_is_none_of_the_three_kinds_is_refused_whatever_its_name(case: Case, content: bytes) -> None:
    with pytest.raises(FileRefused):
        await upload(case, await case.town.recording(), content, "x.png")


async def test_a_large_picture_is_made_smaller_and_too_large_a_file_is_refused(case: Case) -> None:
    recording = await case.town.recording()
    file = await upload(case, recording, picture("PNG", (5000, 100)), "长图.PNG")
    assert (file.kind, file.width, file.name) == ("image/png", pictures.SIDE_MAX, "长图.png")
    with pytest.raises(FileRefused):
        await upload(case, recording, PDF + b"0" * pictures.BYTES_MAX)


async def test_a_file_belongs_to_its_thread_and_its_writer_and_to_one_message(case: Case) -> None:
    recording, other = await case.town.recording(), await case.town.recording()
    file = await upload(case, recording, PDF, "化验.pdf")
    wrong = [(recording, "usr_first", [file.id]), (other, "usr_east", [file.id]), (recording, "usr_east", ["fil_x"])]
    for number, (thread, by, named) in enumerate(wrong):
        with pytest.raises(FileNotYours):
            await case.post(thread, "看", f"client-bad{number}", by, files=named)
    await case.post(recording, "化验", "client-0001", files=[file.id])
    with pytest.raises(FileNotYours):
        await case.post(recording, "化验", "client-0002", files=[file.id])
    assert [m.text for m in await case.read(recording)] == ["化验"]
    for by in ("usr_west",):
        with pytest.raises((NotFound, Forbidden)):
            await upload(case, recording, PDF, by=by)


@pytest.mark.parametrize(
    ("name", "kind", "safe"),
    [
        ("../../etc/passwd", "application/pdf", "passwd.pdf"),
        ("C:\\temp\\a.exe", "image/png", "a.exe.png"),
        ("a\r\nX: y\u202egpj.jpg", "image/jpeg", "aX: ygpj.jpg"),
        ("...", "image/png", "附件.png"),
        ("", "image/jpeg", "附件.jpg"),
        ("化验单.PDF", "application/pdf", "化验单.pdf"),
        ("长" * 300, "image/png", "长" * files.NAME_MAX + ".png"),
    ],
)
def test_a_name_leads_nowhere_and_says_what_the_file_is(name: str, kind: str, safe: str) -> None:
    assert files.safe_name(name, kind) == safe


async def test_over_http_a_document_is_saved_and_never_shown(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic:
        url = f"{hub.url}/api/threads/org_hewan/files?name=%E5%8C%96%E9%AA%8C.pdf"
        async with clinic.http.post(url, data=PDF, headers={"Idempotency-Key": "key-of-a-file"}) as answer:
            assert answer.status == 200, await answer.text()
            file = await answer.json()
        message = {"client_id": "client-0001", "text": "化验", "files": [file["id"]]}
        await clinic.post("/api/threads/org_hewan/messages", message)
        async with clinic.http.get(f"{hub.url}/api/files/{file['id']}") as answer:
            assert (await answer.read(), answer.content_type) == (PDF, "application/pdf")
            assert answer.headers["Content-Disposition"].startswith("attachment;")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with await hub.sign_in("reader") as reader, await hub.sign_in("admin") as admin:
            await reader.get(f"/api/files/{file['id']}")
            lines = (await admin.get("/api/admin/audit?limit=200"))["lines"]
            given = [line for line in lines if line["subject"] == file["id"]]
            assert [line["kind"] for line in given] == ["message.file_given"]  # to others than who sent it
        bomb = vast()
        async with clinic.http.post(url, data=bomb, headers={"Idempotency-Key": "key-of-a-bomb"}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (422, "message.file")
