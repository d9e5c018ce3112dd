"""The reference: an operation's own page, and its samples, copied from it and run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect
from visits import CHINESE, DESK, ENGLISH, PHONE, Visit, obstacles

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
