"""What people of the operator and auditors do in their rooms."""

from __future__ import annotations

import pytest
from entering import come_in
from playwright.async_api import Page
from visiting import CHINESE, ENGLISH, PHONE, Visit, obstacles

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")


async def look_at(page: Page, *addresses: str) -> dict[str, list[str]]:
    """What stands in the way on each page."""
    found = {}
    for address in addresses:
        answer = await page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        found[address] = await obstacles(page)
    return {address: told for address, told in found.items() if told}


async def test_the_operator_sees_what_is_true_on_a_phone_in_chinese(visit: Visit) -> None:
    page = await visit.window(CHINESE, width=PHONE, dark=True)
    await come_in(page, visit.demo, "The operator", "op.lin")
    rooms = ("/desk", "/desk/organisations", "/desk/organisations/lantern-life", "/desk/health",
             "/desk/closings", "/desk/certificates", "/desk/audit", "/desk/disputes")  # fmt: skip
    assert await look_at(page, *rooms) == {}
    await page.goto("/desk/health")
    assert await page.locator(".state-active").count() >= 2


async def test_an_auditor_reads_everything_without_scripts_and_changes_nothing(
    visit: Visit,
) -> None:
    page = await visit.window(ENGLISH, scripts=False)
    await come_in(page, visit.demo, "An auditor", "au.lin")
    await page.goto("/desk/audit")
    await page.select_option("#event", "organisation.admitted")
    await page.click("form[action='/desk/audit'] button")
    assert await page.locator("tbody tr").count() >= 8
    for room in ("/desk/organisations/lantern-life", "/desk/people", "/desk/closings"):
        await page.goto(room)
        assert await page.locator("main form[method=post]").count() == 0, room
