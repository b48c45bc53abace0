"""Images over the whole hub: put to a patient once, seen by who may, each look noted; STOW-RS; nothing hostile out."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import ClientResponse
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID

from server.base.http import FILE_BYTES_MAX
from server.consult import store as consult_store
from tests.server.conftest import REQUEST, Browser, Hub, Refused, normal
from tests.server.test_images_files import made, shipped

KEY = {"Idempotency-Key": "12345678"}


async def patient_at(hub: Hub, clinic: Browser, org: str = "org_hewan") -> str:
    receipt = await hub.send(org, normal(), REQUEST)
    return str((await clinic.get(f"/api/recordings/{receipt.recording}"))["patient"]["id"])


async def put(
    browser: Browser, patient: str, file: bytes, name: str = "CT 1.dcm", *, confirmed: bool = False
) -> dict[str, Any]:
    address = f"/api/patients/{patient}/images?name={quote(name)}&confirmed={str(confirmed).lower()}"
    headers = {"Idempotency-Key": f"key-{hash((patient, file, name, confirmed)) & 0xFFFFFFFF:08x}"}
    async with browser.http.post(browser.url + address, data=file, headers=headers) as answer:
        told = msgspec.json.decode(await answer.read())
        if answer.status >= 400:
            raise Refused(answer.status, told["code"], told["facts"])
        return dict(told)


def of_ma(change: Callable[[Dataset], None] = lambda _ds: None, *, frames: int = 1) -> bytes:
    """An image that names the patient of REQUEST."""

    def both(ds: Dataset) -> None:
        ds.PatientName, ds.PatientID = "MA^DEFU=马德福", ""
        change(ds)

    return made(both, frames=frames)


async def test_an_image_is_kept_once_listed_and_given_frame_by_frame(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic, await hub.sign_in("oncall") as reader:
        patient = await patient_at(hub, clinic)
        added = await put(clinic, patient, of_ma(frames=3))
        image = added["image"]
        assert (added["known"], image["kind"], image["facts"]["frames"]) == (False, "dicom", 3)
        again = await put(clinic, patient, of_ma(frames=3), confirmed=True)
        assert (again["known"], again["image"]["id"]) == (True, image["id"])
        listed = await reader.get(f"/api/patients/{patient}/images")
        assert [i["id"] for i in listed["images"]] == [image["id"]]
        assert await reader.get(f"/api/images/{image['id']}") == listed["images"][0]
        for number in (0, 2):
            address = f"{hub.url}/api/images/{image['id']}/frames/{number}"
            async with reader.http.get(address) as answer:
                assert (await answer.read())[:4] == b"XLF1"
                assert answer.headers["Cache-Control"] == "private, max-age=3600"
                has = answer.headers["ETag"]
            async with reader.http.get(address, headers={"If-None-Match": has}) as answer:
                assert (answer.status, await answer.read()) == (304, b"")
        for beyond in ("3", "-1", "x"):
            with pytest.raises(Refused) as refused:
                await reader.get(f"/api/images/{image['id']}/frames/{beyond}")
            assert refused.value.status == 404
        thumb = await reader.get(f"/api/images/{image['id']}/thumbnail")
        assert thumb.startswith(b"\x89PNG")
        assert await reader.get(f"/api/images/{image['id']}/original") == of_ma(frames=3)
        async with await hub.sign_in("admin") as admin:
            lines = (await admin.get("/api/admin/audit?limit=200"))["lines"]
            kinds = [line["kind"] for line in lines if line["subject"] == image["id"]]
            assert sorted(kinds) == ["image.added", "image.downloaded", "image.viewed"]


ADDRESSES = ("/api/patients/{p}/images", "/api/images/{i}", "/api/images/{i}/frames/0", "/api/images/{i}/thumbnail")


async def test_who_may_not_see_the_patients_recordings_does_not_find_his_images_but_a_consultations_member_does(
    hub: Hub,
) -> None:
    async with (
        await hub.sign_in("clinic") as clinic,
        await hub.sign_in("shimen") as shimen,
        await hub.sign_in("village") as village,
        await hub.sign_in("admin") as admin,
    ):
        recording = (await hub.send("org_hewan", normal(), REQUEST)).recording
        patient = (await clinic.get(f"/api/recordings/{recording}"))["patient"]["id"]
        image = (await put(clinic, patient, of_ma()))["image"]["id"]
        addresses = [address.format(p=patient, i=image) for address in ADDRESSES]
        for browser in (admin, shimen, village):
            for address in addresses:
                with pytest.raises(Refused) as refused:
                    await browser.get(address)
                assert refused.value.status in (403, 404)
            with pytest.raises(Refused) as refused:
                await put(browser, patient, b"%PDF-1.7 %%EOF")
            assert refused.value.status in (403, 404)
        consult = await clinic.post(
            "/api/consults",
            {
                "recording": recording, "invitee_org": "org_county", "purpose": "目的", "summary": "摘要",
                "priority": "routine", "consent": "written",
        "consent_paper": {"kind": "written", "by": "家属", "relation": "self"},
            },
        )  # fmt: skip
        account = shimen.me["id"]
        await hub.app.db.write(
            lambda tx: consult_store.add_member(tx.conn, consult["id"], account, "org_shimen", "observer")
        )
        for address in addresses:
            assert await shimen.get(address)
        assert (await put(shimen, patient, b"%PDF-1.7 %%EOF"))["image"]["kind"] == "pdf"


async def test_many_images_at_once_are_read_one_after_the_other(hub: Hub) -> None:
    def numbered(number: int) -> Callable[[Dataset], None]:
        def change(ds: Dataset) -> None:
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.{number}")

        return change

    async with await hub.sign_in("clinic") as clinic:
        patient = await patient_at(hub, clinic)
        added = await asyncio.gather(*(put(clinic, patient, of_ma(numbered(n))) for n in range(10, 16)))
        assert len({told["image"]["id"] for told in added}) == 6
        same = await asyncio.gather(*(put(clinic, patient, of_ma(numbered(99)), f"{n}.dcm") for n in range(2)))
        assert len({told["image"]["id"] for told in same}) == 1


NAMED = (
    # name, number and sex in the file; whether a person is asked
    ("MA^DEFU=马德福", "", "M", False),
    ("", "", "", False),  # it names nobody
    ("LI^SI=李四", "", "", True),
    ("MA^DEFU", "", "", True),  # Latin letters prove nothing of a Chinese name
    ("MA^DEFU=马德福", "", "F", True),
    ("MA^DEFU=马德福", "P7", "M", False),  # the number is not known here
    ("", "P7", "", True),
)


async def test_an_image_that_may_be_another_patients_goes_in_only_when_a_person_confirms(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic:
        patient = await patient_at(hub, clinic)
        for n, (name, number, sex, asks) in enumerate(NAMED):

            def named(ds: Dataset, who: tuple[str, str, str] = (name, number, sex), n: int = n) -> None:
                ds.PatientName, ds.PatientID, ds.PatientSex = who
                ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.7.{n}")

            if asks:
                with pytest.raises(Refused) as refused:
                    await put(clinic, patient, of_ma(named))
                assert (refused.value.status, refused.value.code) == (409, "image.patient_differs")
                assert (number or name.rpartition("=")[2].replace("^", "")) in refused.value.facts["in_file"]
                assert "马德福" in refused.value.facts["here"]
            assert (await put(clinic, patient, of_ma(named), confirmed=asks))["known"] is False


async def test_the_same_instance_number_with_another_content_is_refused(hub: Hub) -> None:
    def changed(ds: Dataset) -> None:
        ds.WindowCenter = [50, -600]

    async with await hub.sign_in("clinic") as clinic:
        patient = await patient_at(hub, clinic)
        first = await put(clinic, patient, of_ma())
        with pytest.raises(Refused) as refused:
            await put(clinic, patient, of_ma(changed))
        assert (refused.value.status, refused.value.code) == (409, "image.uid_taken")
        assert refused.value.facts["instance"] == first["image"]["facts"]["instance"]


async def test_an_ecg_is_sent_to_where_ecgs_are_read_and_a_broken_file_leaves_nothing(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic:
        patient = await patient_at(hub, clinic)
        for file, code in (
            (shipped("waveform_ecg.dcm"), "image.is_ecg"),
            (shipped("MR_truncated.dcm"), "image.broken"),
            (b"<svg onload=alert(1)>", "image.unknown"),
        ):
            with pytest.raises(Refused) as refused:
                await put(clinic, patient, file)
            assert refused.value.code == code
        assert (await clinic.get(f"/api/patients/{patient}/images"))["images"] == []
        assert await hub.app.blobs.keys("images") == []


async def test_a_paper_is_only_ever_downloaded_and_a_photo_only_ever_as_it_was_packed_anew(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic:
        patient = await patient_at(hub, clinic)
        paper = (await put(clinic, patient, b"%PDF-1.7\n/JS (app.alert(1))\n%%EOF\n", "化验单.pdf"))["image"]
        for what in ("frames/0", "thumbnail"):
            with pytest.raises(Refused):
                await clinic.get(f"/api/images/{paper['id']}/{what}")
        async with clinic.http.get(f"{hub.url}/api/images/{paper['id']}/original") as answer:
            assert answer.headers["Content-Disposition"].startswith("attachment; ")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.content_type == "application/octet-stream"
        out = io.BytesIO()
        Image.new("RGB", (30, 20), "blue").save(out, "JPEG", comment=b"<script>")
        photo = (await put(clinic, patient, out.getvalue(), "创面.jpg"))["image"]
        async with clinic.http.get(f"{hub.url}/api/images/{photo['id']}/frames/0") as answer:
            assert answer.content_type == "image/jpeg"
            assert b"<script>" not in await answer.read()
        with pytest.raises(Refused):
            await clinic.get(f"/api/images/{photo['id']}/original")


async def test_half_a_gigabyte_is_refused_before_it_is_read(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic:
        patient = await patient_at(hub, clinic)

        class Never(io.RawIOBase):
            """A body that nobody may read beyond what the sockets hold."""

            asked = 0

        async def pieces() -> Any:
            for _ in range(8192):
                Never.asked += 65536
                yield bytes(65536)

        headers = {**KEY, "Content-Length": str(512 * 1024 * 1024)}
        address = f"{hub.url}/api/patients/{patient}/images?name=a.dcm"
        try:
            async with clinic.http.post(address, data=pieces(), headers=headers) as answer:
                assert answer.status == 413
        except OSError:
            pass  # the hub closed while we were still sending: refused as well
        assert Never.asked < FILE_BYTES_MAX


def stow(*files: bytes, kind: str = "application/dicom") -> tuple[bytes, str]:
    body = b"".join(b"--b0\r\nContent-Type: %s\r\n\r\n%s\r\n" % (kind.encode(), file) for file in files)
    return body + b"--b0--\r\n", 'multipart/related; type="application/dicom"; boundary=b0'


async def post(hub: Hub, browser: Browser, path: str, body: bytes, kind: str) -> tuple[int, Any, str]:
    answer: ClientResponse
    async with browser.http.post(hub.url + path, data=body, headers={"Content-Type": kind}) as answer:
        return answer.status, msgspec.json.decode(await answer.read()), answer.content_type


async def test_stow_says_of_each_instance_whether_it_is_here(hub: Hub) -> None:
    def second(ds: Dataset) -> None:
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.5")
        ds.StudyInstanceUID = "1.2.9"

    async with await hub.sign_in("clinic") as clinic:
        patient = await patient_at(hub, clinic)
        to = f"/api/dicom/studies?patient={patient}"
        status, told, kind = await post(hub, clinic, to, *stow(of_ma(), of_ma(second)))
        assert (status, kind) == (200, "application/dicom+json")
        assert [i["00081155"]["Value"] for i in told["00081199"]["Value"]] == [["1.2.3.4"], ["1.2.3.5"]]
        assert told["00081199"]["Value"][0]["00081150"]["Value"] == ["1.2.840.10008.5.1.4.1.1.2"]
        assert "00081198" not in told
        assert (await post(hub, clinic, to, *stow(of_ma())))[0] == 200, "sent again, it is here"

        files = (of_ma(), shipped("MR_truncated.dcm"), shipped("waveform_ecg.dcm"), of_ma(lambda ds: _window(ds)))
        status, told, _ = await post(hub, clinic, to, *stow(*files))
        assert status == 202
        reasons = [item["00081197"]["Value"][0] for item in told["00081198"]["Value"]]
        assert reasons == [0xC000, 0x0122, 0x0111]
        status, told, _ = await post(hub, clinic, to, *stow(shipped("MR_truncated.dcm")))
        assert (status, "00081199" in told) == (409, False)
        status, told, _ = await post(hub, clinic, f"/api/dicom/studies/1.2.8?patient={patient}", *stow(of_ma()))
        assert status == 200, "it is here already"
        assert len((await clinic.get(f"/api/patients/{patient}/images"))["images"]) == 2
        # Whose they are, the number in the file says where the sender does not; nobody's are not taken.
        status, told, _ = await post(hub, clinic, "/api/dicom/studies", *stow(of_ma()))
        assert (status, told["00081198"]["Value"][0]["00081197"]["Value"]) == (409, [0xA900])


def _window(ds: Dataset) -> None:
    ds.WindowCenter = [50, -600]


NO_STOW = (
    (b"", "application/json"),
    (b"", "multipart/related; type=application/dicom"),
    (b"nothing", "multipart/related; type=application/dicom; boundary=b0"),
    (b"--b0--\r\n", "multipart/related; type=application/dicom; boundary=b0"),
    (b"--b0\r\nContent-Type: application/dicom\r\n\r\nDICM", "multipart/related; boundary=b0"),
    stow(b"x", kind="text/html"),
    (b"--b0\r\n", "multipart/related; boundary=b0"),
)


async def test_what_is_no_stow_message_is_refused_whole(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic:
        for body, kind in NO_STOW:
            status, told, _ = await post(hub, clinic, "/api/dicom/studies", body, kind)
            assert (status, told["code"]) == (400, "image.stow")
