"""Every page that is open to all: nothing in anybody's way, at a desk and on a phone, in both
languages and themes. The pages of each role are looked at on its journey.
"""

from __future__ import annotations

import pytest
from visits import CHINESE, DESK, ENGLISH, PHONE, Visit, leave, obstacles

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")

OPEN_TO_ALL = (
    "/",
    "/shelf",
    "/shelf/river-bank/accounts",
    "/members",
    "/tour",
    "/sign-up",
    "/sign-in",
    "/shelf?q=zeppelin",
    "/shelf/clear-mirror/market-data",
    "/errors/rate_exceeded",
    "/nothing/here",
)
LOOKS = ((ENGLISH, DESK, False), (CHINESE, PHONE, True))


@pytest.mark.parametrize(("language", "width", "dark"), LOOKS)
async def test_nothing_stands_in_a_visitors_way(
    visit: Visit, language: str, width: int, dark: bool
) -> None:
    page = await visit.window(language, width=width, dark=dark)
    found = {}
    for address in OPEN_TO_ALL:
        await page.goto(address)
        found[address] = await obstacles(page)
    assert {address: told for address, told in found.items() if told} == {}
    # The browser itself reports a page that answers 404.
    visit.complaints = [each for each in visit.complaints if "/nothing/here" not in each]


async def test_every_page_is_read_without_a_script(visit: Visit) -> None:
    page = await visit.window(CHINESE, scripts=False)
    for address in OPEN_TO_ALL[:-2]:
        await page.goto(address)
        assert await page.locator("main h1").count() == 1, address
        assert await page.locator("html").get_attribute("lang") == "zh-Hans"
    await page.goto("/members")
    await leave(page, "footer button[value=dark]")
    assert page.url.endswith("/members")
    pressed = page.locator("footer button[aria-pressed=true]")
    assert await pressed.get_attribute("value") == "dark"
