"""A long worklist stays a short page: what is not looked at is not there."""

from __future__ import annotations

import msgspec
import pytest
from playwright.async_api import expect

from server.base.clock import later
from server.base.database import Tx
from server.reading import store as reading
from server.records import store as records
from server.records.model import MachineSummary
from tests.journey.conftest import People
from tests.server.conftest import Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

ROWS = 10_000
NODES_MAX = 1000
MACHINE = msgspec.json.encode(MachineSummary(True, ["SINUS_RHYTHM"], 72.0, 160, 92, 388, 412, [], "", None))


def fill(tx: Tx) -> None:
    """As intake, analysis and queueing would have left them; the names say the order."""
    patients, recordings, rows = [], [], []
    for n in range(ROWS):
        name, at = f"rec_{n:06d}", later(tx.now, -1800 + n / 100)
        patients.append(
            {"id": f"pat_{n:06d}", "org": "org_hewan", "name": f"患者{n:05d}", "sex": "F", "age_years": 40 + n % 40,
             "identity": "known"}
        )  # fmt: skip
        recordings.append(
            {"id": name, "uid": name, "device": "dev_hewan", "org": "org_hewan", "org_name": "河湾镇卫生院",
             "centre": "org_city", "patient": f"pat_{n:06d}", "state": "waiting", "kind": "resting",
             "urgency": "routine", "symptoms": '["palpitation"]', "fs": 500.0, "leads": "[]", "samples": 5000,
             "opened_at": at, "received_at": at, "machine": MACHINE}
        )  # fmt: skip
        rows.append(
            {"recording": name, "org": "org_hewan", "centre": "org_city", "place": "open", "rank": 3,
             "waiting_at": at, "due_at": later(at, 1800), "moved_at": at}
        )  # fmt: skip
    tx.conn.execute(records.patient.insert(), patients)
    tx.conn.execute(records.recording.insert(), recordings)
    tx.conn.execute(reading.worklist.insert(), rows)


async def test_ten_thousand_waiting_ecgs_scroll_to_the_end_in_a_page_of_a_thousand_nodes(
    hub: Hub, people: People
) -> None:
    await hub.app.db.write(fill)
    reader = await people.open("reader")
    reader.refusal(409, r"/signal$")  # rows without samples: the preview says so
    reader.refusal(404, r"/analysis$")
    await reader.go("/worklist")
    table = reader.page.get_by_role("table")
    await expect(reader.page.get_by_role("row", name="患者00000")).to_be_visible()
    await expect(table).to_have_attribute("aria-rowcount", str(ROWS + 1))
    await reader.keys("j", "End")
    last = reader.page.get_by_role("row", name=f"患者{ROWS - 1:05d}")
    await expect(last).to_be_visible()
    await expect(last).to_have_attribute("aria-rowindex", str(ROWS + 1))
    for top in ("box.scrollHeight / 2", "0", "box.scrollHeight"):
        await reader.page.locator(".table-box").evaluate(f"box => {{ box.scrollTop = {top} }}")
        await expect(reader.page.locator("tbody tr:not(.table-spacer) .name").first).to_be_visible()
        assert await table.evaluate("t => t.querySelectorAll('*').length") <= NODES_MAX
    await reader.keys("Home")
    await expect(reader.page.get_by_role("row", name="患者00000")).to_be_visible()
    people.no_faults()
