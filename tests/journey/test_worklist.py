"""A long worklist stays a short page: what is not looked at is not there."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.journey.conftest import People
from tests.journey.rows import fill, name_of
from tests.server.conftest import Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

ROWS = 10_000
NODES_MAX = 1000


async def test_ten_thousand_waiting_ecgs_scroll_to_the_end_in_a_page_of_a_thousand_nodes(
    hub: Hub, people: People
) -> None:
    await hub.app.db.write(lambda tx: fill(tx, ROWS))
    reader = await people.open("reader")
    reader.refusal(409, r"/signal$")  # rows without samples: the preview says so
    reader.refusal(404, r"/analysis$")
    await reader.go("/worklist")
    table = reader.page.get_by_role("table")
    await expect(reader.page.get_by_role("row", name=name_of(0))).to_be_visible()
    await expect(table).to_have_attribute("aria-rowcount", str(ROWS + 1))
    await reader.keys("j", "End")
    last = reader.page.get_by_role("row", name=name_of(ROWS - 1))
    await expect(last).to_be_visible()
    await expect(last).to_have_attribute("aria-rowindex", str(ROWS + 1))
    for top in ("box.scrollHeight / 2", "0", "box.scrollHeight"):
        await reader.page.locator(".table-box").evaluate(f"box => {{ box.scrollTop = {top} }}")
        await expect(reader.page.locator("tbody tr:not(.table-spacer) .name").first).to_be_visible()
        assert await table.evaluate("t => t.querySelectorAll('*').length") <= NODES_MAX
    await reader.keys("Home")
    await expect(reader.page.get_by_role("row", name=name_of(0))).to_be_visible()
    people.no_faults()
