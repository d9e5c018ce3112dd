"""Disputing a line where one reads it: on the statement."""

from __future__ import annotations

from playwright.async_api import Page, expect


async def dispute_a_line(page: Page, reason: str) -> str:
    """The first that is not disputed yet, of the oldest statement there is, which is the demo's;
    the dispute's identifier."""
    await page.goto("/statements")
    await page.locator("main tbody a").last.click()
    await page.locator("tr a[href^='/desk/disputes?']").first.click()
    line = await page.input_value("#line")
    await page.fill("#reason", reason)
    await page.press("#reason", "Enter")
    own = page.locator("main article", has_text=reason)
    await expect(own.locator(".state-suspended")).to_be_visible()
    await own.locator(f"a[href$='#line-{line}']").click()
    await expect(page.locator(f"#line-{line} a[href^='/desk/disputes#']")).to_be_visible()
    link = await page.locator(f"#line-{line} a[href^='/desk/disputes#']").get_attribute("href")
    return str(link).partition("#")[2]
