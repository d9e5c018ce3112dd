"""Coming in for the first time: a one-time link, a passphrase, a second factor."""

from __future__ import annotations

import base64
import re
import time

from playwright.async_api import Page

from running_demo import Demo
from weir.identity import totp

PASSPHRASE = "clear water over stones"


async def give_first_code(page: Page) -> None:
    """Read the shared secret as a person would type it, and answer with its first code."""
    key = str(await page.locator("main .id").first.text_content()).strip()
    code = totp.code_at(base64.b32decode(key), int(time.time()) // totp.STEP_S)
    await page.fill("#code", code)
    await page.press("#code", "Enter")


async def come_in(page: Page, demo: Demo, who: str, name: str) -> None:
    """By the one-time link that the demo printed for somebody; each works once."""
    (link,) = re.findall(rf"{re.escape(who)} \(a one-time link\)\s+(https\S+)", demo.output)
    await page.goto(link)
    for field, text in (("display_name", "Lin"), ("name", name), ("passphrase", PASSPHRASE)):
        await page.fill(f"#{field}", text)
    await page.press("#passphrase", "Enter")
    await page.wait_for_url("**/sign-in/set-up**")
    await give_first_code(page)
    await page.wait_for_selector("#recovery-codes")
    await page.goto("/desk")
