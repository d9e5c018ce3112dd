"""The reference: an operation's own page, its samples copied from it and run, its downloads."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import expect
from visiting import CHINESE, DESK, ENGLISH, PHONE, Visit, obstacles

import sample_calls

pytestmark = pytest.mark.xdist_group("story")

PAGES = (
    "/shelf/river-bank/payments",
    "/shelf/river-bank/payments/makePayment",
    "/shelf/harbour-insurance/policies/listPolicies",
    "/shelf/river-bank/accounts/versions",
)


@pytest.mark.parametrize(
    ("language", "width", "dark"), [(ENGLISH, DESK, False), (CHINESE, PHONE, True)]
)
async def test_nothing_stands_in_a_developers_way(
    visit: Visit, language: str, width: int, dark: bool
) -> None:
    page = await visit.window(language, width=width, dark=dark)
    found = {}
    for address in PAGES:
        await page.goto(address)
        found[address] = await obstacles(page)
    assert {address: told for address, told in found.items() if told} == {}


async def test_samples_are_copied_from_the_page_and_run(visit: Visit, tmp_path: Path) -> None:
    page = await visit.window()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(sample_calls.OPERATION)
    given = await asyncio.to_thread(sample_calls.environment, visit.demo, tmp_path)
    for language in ("curl", "python"):
        if language != "curl":
            await page.click(f"summary:has-text('{language}')")
        await page.click(f"button[data-copy=sample-{language}]")
        await expect(page.locator(f"button[data-copy=sample-{language}]")).to_have_text("Copied")
        copied = await page.evaluate("navigator.clipboard.readText()")
        printed = await asyncio.to_thread(sample_calls.run, language, copied, tmp_path, given)
        assert sample_calls.ANSWER in printed, language


async def test_the_documents_can_be_downloaded(visit: Visit) -> None:
    page = await visit.window(scripts=False)
    await page.goto("/shelf/summit-securities/quotes")
    for words, name in (
        ("OpenAPI document", "summit-securities.quotes.openapi.json"),
        ("Postman collection", "summit-securities.quotes.postman.json"),
    ):
        async with page.expect_download() as waiting:
            await page.click(f"text={words}")
        download = await waiting.value
        assert download.suggested_filename == name
        text = await asyncio.to_thread(Path(await download.path()).read_text, "utf-8")
        document = json.loads(text)
        assert document["info"]


async def test_a_price_is_worked_out_with_and_without_a_script(visit: Visit) -> None:
    for scripts in (True, False):
        page = await visit.window(scripts=scripts)
        await page.goto("/shelf/summit-securities/quotes")
        await page.fill("#calls", "2000")
        if not scripts:
            await page.click("text=Work it out")
        # 1,000 calls at 0.013 and 1,000 at 0.009
        await expect(page.locator("#estimates")).to_contain_text("CNY 22.00")
        assert "calls=2000" in page.url
