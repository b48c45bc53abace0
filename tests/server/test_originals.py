"""The file that was handed over can be had again, as it was, by who may see the recording; and it is noted who did."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from server.base.http import disposition
from tests.server.conftest import Hub, Refused, normal
from tests.waiting import until

FILE = b"# fs=500\n# unit=uV\nI,II\n" + b"10,20\n" * 5000


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.csv", 'attachment; filename="a.csv"'),
        ("../../etc/passwd", 'attachment; filename="passwd"'),
        ("C:\\心电\\马德福 1.xml", f"attachment; filename=\"____1.xml\"; filename*=UTF-8''{quote('马德福 1.xml')}"),
        ('a"; x="\r\nSet-Cookie: b', None),
        ("..", 'attachment; filename="file"'),
    ],
)
def test_a_files_name_is_no_way_into_a_header_or_a_folder(name: str, header: str | None) -> None:
    said = disposition(name, attachment=True)
    assert not {"\r", "\n", "/", "\\"} & set(said)
    assert said.count('"') == 2
    assert header is None or said == header


async def test_the_original_is_given_back_byte_for_byte_and_the_auditor_sees_to_whom(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic, await hub.sign_in("oncall") as reader:
        url = f"{hub.url}/api/orgs/org_hewan/files?name={quote('马德福.csv')}"
        async with clinic.http.post(url, data=FILE, headers={"Idempotency-Key": "12345678"}) as answer:
            recording = (await answer.json())["recording"]["id"]
        path = f"{hub.url}/api/recordings/{recording}/original"
        async with reader.http.get(path) as answer:
            assert (answer.status, await answer.read()) == (200, FILE)
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            said = answer.headers["Content-Disposition"]
            assert said.startswith("attachment; ")
            assert quote("马德福.csv") in said
            assert answer.headers["Cache-Control"] == "no-store"
        async with await hub.sign_in("admin") as admin:
            lines = (await admin.get("/api/admin/audit?limit=200"))["lines"]
            assert [line["subject"] for line in lines if line["kind"] == "recording.downloaded"] == [recording]
            with pytest.raises(Refused) as refused:  # an administrator sees no patient's ECG
                await admin.get(f"/api/recordings/{recording}/original")
            assert refused.value.status in (403, 404)

        async def read() -> str | None:
            row = await reader.get(f"/api/recordings/{recording}")
            return row["time_from"] if row["received_at"] else None

        assert await until(read, 30) == "device", "the file states no time: it is the sender's"


async def test_a_recording_that_came_as_samples_has_no_original(hub: Hub) -> None:
    receipt = await hub.send("org_hewan", normal())
    async with await hub.sign_in("clinic") as clinic:
        with pytest.raises(Refused) as refused:
            await clinic.get(f"/api/recordings/{receipt.recording}/original")
        assert (refused.value.status, refused.value.code) == (404, "http.not_found")
        row = await clinic.get(f"/api/recordings/{receipt.recording}")
        assert (row["file"], row["time_from"]) == ("", "device")
