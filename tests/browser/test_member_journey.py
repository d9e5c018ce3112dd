"""A member puts a capability on the shelf in the browser, and reads what it earned there: nothing
typed is lost on the way.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from dispute_steps import dispute_a_line
from entry_steps import let_in
from page_words import either, is_chinese, saying
from playwright.async_api import Page, expect
from visits import CHINESE, DESK, ENGLISH, PHONE, Visit, leave, obstacles

from weir.kernel.rooms import events

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")

MEMBER = "summit-securities"
DOCUMENT = """\
openapi: 3.0.3
info: {title: Branches, version: "1"}
paths:
  /branches:
    get:
      operationId: listBranches
      summary: List branches and their opening hours
      x-summary-zh: 查询网点及营业时间
      responses:
        "200": {description: The branches}
"""
QUOTE = ("Read an instrument's quote", "查询实时行情")  # what the demo called
SUMMARY = ("List branches and their opening hours", "查询网点及营业时间")


@pytest.mark.parametrize(
    ("language", "width", "dark"), [(ENGLISH, DESK, False), (CHINESE, PHONE, True)]
)
async def test_a_document_becomes_a_product_on_the_shelf(
    visit: Visit, tmp_path: Path, language: str, width: int, dark: bool
) -> None:
    page = await visit.window(language, width=width, dark=dark)
    await let_in(page, visit.demo, MEMBER, "owner")
    slug = f"branches-{secrets.token_hex(4)}"
    await page.goto("/desk/documents")
    service = await page.locator("main table code").first.inner_text()
    await imports(visit, page, tmp_path, slug, f"{service}/{slug}", language)
    await publishes(visit, page, f"网点查询 {slug}", f"{service}/{slug}", language)
    product = page.url.rpartition("/")[2]
    await found_by_whoever_comes(visit, slug, language)
    await page.goto("/desk/traffic?by=capability")
    assert int((await page.locator(".measured strong").inner_text()).replace(",", "")) > 0
    await expect(page.locator("main tbody")).to_contain_text(either(QUOTE, language))
    dispute = await dispute_a_line(page, f"Half of these were tests: {slug}.")
    for event, subject in (("product.published", product), ("dispute.opened", dispute)):
        await page.goto(f"/desk/audit?event={event}&touching={subject}")
        await expect(page.locator("tbody tr")).to_contain_text([either(events()[event], language)])


@pytest.mark.parametrize(
    ("language", "width", "dark"), [(ENGLISH, DESK, False), (CHINESE, PHONE, True)]
)
async def test_an_agreement_is_tried_on_a_period_that_is_over(
    visit: Visit, language: str, width: int, dark: bool
) -> None:
    page = await visit.window(language, width=width, dark=dark)
    await let_in(page, visit.demo, MEMBER, "owner")
    await page.goto("/desk/agreements")
    await leave(page, "main table a")
    await leave(page, "#trial button")
    await expect(page.locator("#trial-results")).to_be_visible()
    assert await obstacles(page) == []


async def imports(
    visit: Visit, page: Page, folder: Path, slug: str, service: str, language: str
) -> None:
    """The document, from a file; after a refusal all that was typed is still there."""
    say = saying(language)
    await page.goto("/desk/documents/new")
    file = folder / "branches.yaml"
    file.write_text(DOCUMENT)
    await page.set_input_files("#source_file", file)
    await page.fill("#slug", "Not a short name")
    await page.fill("#backend_url", service)
    await page.click("form:has(#source) button[type=submit]")
    kept = say("Nothing was changed. What you typed is kept below.")
    await expect(page.locator("[role=alert]")).to_contain_text(kept)
    await expect(page.locator("#slug")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#slug")).to_have_value("Not a short name")
    await expect(page.locator("#backend_url")).to_have_value(service)
    await expect(page.locator("#source")).to_have_value(DOCUMENT)
    assert await obstacles(page) == []
    visit.forgive("422")
    await page.fill("#slug", slug)
    await page.press("#slug", "Enter")
    await page.wait_for_url("**/documents/doc_*")
    assert await page.locator("mark").count() > 0  # findings, beside the lines they are about
    await expect(page.locator("main table")).to_contain_text(either(SUMMARY, language))
    assert await obstacles(page) == []


async def publishes(visit: Visit, page: Page, title: str, service: str, language: str) -> None:
    say = saying(language)
    await page.get_by_role("link", name=say("Draft a product from its operations")).click()
    await page.fill("#title_zh", title)
    await page.press("#title_zh", "Enter")
    await page.wait_for_url("**/products/prd_*")
    product = page.url
    await page.get_by_role("button", name=say("Publish product")).click()
    await registers(visit, page, service, language)
    await page.goto(product)
    await page.get_by_role("button", name=say("Publish product")).click()
    await page.locator("summary", has_text=say("Offer a plan")).click()
    await page.fill("#plan_name", "standard")
    await page.fill("#price", "a little")
    await page.press("#price", "Enter")
    await expect(page.locator("main [role=alert]")).to_be_visible()
    await expect(page.locator("#price")).to_have_value("a little")
    await expect(page.locator("#plan_name")).to_have_value("standard")
    visit.forgive("422")
    await page.fill("#price", "0.02")
    await page.press("#price", "Enter")
    await expect(page.locator("table", has_text="standard")).to_contain_text(say("offered"))
    assert await obstacles(page) == []


async def registers(visit: Visit, page: Page, service: str, language: str) -> None:
    """The service behind the product, from its refusal; it is tested again, and stays in use."""
    say = saying(language)
    await expect(page.locator("main [role=alert]")).to_be_visible()
    visit.forgive("409")
    await page.click("main a[href^='/desk/backends/new?url=']")
    await expect(page.locator("#url")).to_have_value(service)
    await page.fill("#endpoints", "https://no.endpoint")
    await page.click("form:has(#endpoints) button[type=submit]")
    await expect(page.locator("#endpoints")).to_have_attribute("aria-invalid", "true")
    visit.forgive("422")
    assert await obstacles(page) == []
    await page.fill("#endpoints", urlsplit(service).netloc)
    await page.click("form:has(#endpoints) button[type=submit]")
    await page.wait_for_url("**/backends/bck_*")
    await expect(page.locator(".state-active")).to_have_text(say("passed"))
    await page.get_by_role("button", name=say("Test now")).click()
    await expect(page.locator(".state-active")).to_have_text(say("passed"))
    assert await obstacles(page) == []


async def found_by_whoever_comes(visit: Visit, slug: str, language: str) -> None:
    """In the other language, without a script."""
    other = ENGLISH if is_chinese(language) else CHINESE
    page = await visit.window(other, width=PHONE, scripts=False)
    await page.goto(f"/shelf?q={either(('Branches', '网点'), other)}")
    await page.click(f"[data-results] a[href='/shelf/{MEMBER}/{slug}']")
    await expect(page.locator("main")).to_contain_text("0.02")
    await expect(page.locator("main")).to_contain_text(either(SUMMARY, other))
