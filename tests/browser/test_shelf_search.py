"""Search as you type, by keyboard alone, and without a script."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from playwright.async_api import expect
from visits import CHINESE, ENGLISH, Visit, leave

pytestmark = pytest.mark.xdist_group("story")


@pytest.mark.parametrize(
    ("language", "typed", "product"),
    [(ENGLISH, "quotat", "quotations"), (CHINESE, "报价", "quotations")],
)
async def test_typing_finds_and_the_keyboard_leads_there(
    visit: Visit, language: str, typed: str, product: str
) -> None:
    page = await visit.window(language)
    await page.goto("/shelf")
    await page.keyboard.press("/")
    await page.keyboard.type(typed)
    await page.wait_for_url(lambda url: f"q={typed}" in unquote(url))
    first = page.locator("[data-results] a[data-result]").first
    await expect(first).to_have_attribute("href", f"/shelf/harbour-insurance/{product}")
    await expect(page.locator("[data-results] mark").first).to_be_visible()
    await page.keyboard.press("ArrowDown")
    focused = await page.evaluate("document.activeElement.getAttribute('href')")
    assert focused == f"/shelf/harbour-insurance/{product}"
    address = page.url
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/shelf/harbour-insurance/{product}")
    await page.go_back()
    assert page.url == address
    await expect(page.locator("#q")).to_have_value(typed)


async def test_facets_narrow_at_once_and_can_be_cleared(visit: Visit) -> None:
    page = await visit.window()
    await page.goto("/shelf")
    before = await page.locator("#count").inner_text()
    await page.check("#price-share")
    await expect(page.locator("#count")).to_have_text("1 product")
    await expect(page.locator("#price-share")).to_be_checked()
    await page.wait_for_url("**price=share*")
    await page.click("text=Clear all choices")
    await expect(page.locator("#count")).to_have_text(before)


async def test_search_works_without_a_script(visit: Visit) -> None:
    page = await visit.window(CHINESE, scripts=False)
    await page.goto("/shelf")
    await page.fill("#q", "账户")
    await page.check("#price-per-call")
    await leave(page, ".facets button[type=submit]")
    assert "price=per-call" in page.url
    await expect(page.locator("[data-results] mark").first).to_have_text("账户")
