"""A visitor finds a product, reads it, works its price out, reads its reference and takes it home:
without a script as well as with.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from page_words import either, saying
from playwright.async_api import Page, expect
from visits import CHINESE, DESK, ENGLISH, PHONE, Visit

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")


@pytest.mark.parametrize(
    ("language", "width", "scripts", "typed"),
    [(ENGLISH, DESK, True, "quotes"), (CHINESE, PHONE, False, "行情")],
)
async def test_from_the_start_page_to_a_document_in_hand(
    visit: Visit, language: str, width: int, scripts: bool, typed: str
) -> None:
    say = saying(language)
    page = await visit.window(language, width=width, scripts=scripts)
    await page.goto("/")
    await page.get_by_role("navigation", name=say("Main")).get_by_text(say("Shelf")).click()
    await page.fill("#q", typed)
    await page.press("#q", "Enter")
    await page.click("[data-results] a[href='/shelf/summit-securities/quotes']")
    title = either(("Instruments and quotes", "标的与行情"), language)
    await expect(page.locator("h1")).to_contain_text(title)

    await page.fill("#calls", "2000")
    if not scripts:
        await page.get_by_role("button", name=say("Work it out")).click()
    # 1,000 calls at 0.013 and 1,000 at 0.009
    await expect(page.locator("#estimates")).to_contain_text("CNY 22.00")
    await page.wait_for_url("**calls=2000*")

    await page.get_by_role("link", name=say("API reference"), exact=True).click()
    await expect(page.locator("#sample-curl")).to_contain_text("/summit-securities/quotes/v1/")
    await page.go_back()
    openapi = await downloaded(page, say("OpenAPI document"), "quotes.openapi.json")
    assert "/quotes/{instrument_id}" in "".join(openapi["paths"])
    postman = await downloaded(page, say("Postman collection"), "quotes.postman.json")
    assert postman["info"]


async def downloaded(page: Page, words: str, name: str) -> dict[str, dict[str, object]]:
    async with page.expect_download() as waiting:
        await page.click(f"text={words}")
    download = await waiting.value
    assert download.suggested_filename == f"summit-securities.{name}"
    text = await asyncio.to_thread(Path(await download.path()).read_text, "utf-8")
    read: dict[str, dict[str, object]] = json.loads(text)
    return read
