"""A member puts a capability on the shelf in the browser: nothing typed is lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from entering import let_in
from playwright.async_api import expect
from visiting import CHINESE, ENGLISH, PHONE, Visit, obstacles

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")

BACKEND = "https://127.0.0.1:9101"
DOCUMENT = """\
openapi: 3.0.3
info: {title: Branches, version: "1"}
paths:
  /branches:
    get:
      operationId: listBranches
      summary: List branches and their opening hours
      responses:
        "200": {description: The branches}
"""


async def test_a_document_becomes_a_product_on_the_shelf(visit: Visit, tmp_path: Path) -> None:
    page = await visit.window(ENGLISH)
    await let_in(page, visit.demo, "summit-securities", "developer")
    await page.goto("/desk/documents/new")
    file = tmp_path / "branches.yaml"
    file.write_text(DOCUMENT)
    await page.set_input_files("#source_file", file)
    await page.fill("#slug", "Not a short name")
    await page.fill("#backend_url", BACKEND)
    await page.click("form:has(#source) button[type=submit]")
    await expect(page.locator("[role=alert]")).to_contain_text("kept below")
    await expect(page.locator("#slug")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#slug")).to_have_value("Not a short name")
    await expect(page.locator("#backend_url")).to_have_value(BACKEND)
    await expect(page.locator("#source")).to_have_value(DOCUMENT)
    assert await obstacles(page) == []
    visit.complaints.clear()  # the browser itself reports a page that answers 422
    await page.fill("#slug", "branches")
    await page.press("#slug", "Enter")
    await page.wait_for_url("**/documents/doc_*")
    assert await page.locator("mark").count() > 0  # findings, beside the lines they are about
    assert await obstacles(page) == []
    await page.click("text=Draft a product from its operations")
    await page.fill("#title_zh", "网点查询")
    await page.press("#title_zh", "Enter")
    await page.wait_for_url("**/products/prd_*")
    await page.click("text=Publish product")
    await page.click("summary:has-text('Offer a plan')")
    await page.fill("#plan_name", "standard")
    await page.fill("#price", "a little")
    await page.press("#price", "Enter")
    await expect(page.locator("#price")).to_have_value("a little")
    await expect(page.locator("#plan_name")).to_have_value("standard")
    visit.complaints.clear()
    await page.fill("#price", "0.02")
    await page.press("#price", "Enter")
    await expect(page.locator("table", has_text="standard")).to_contain_text("offered")
    assert await obstacles(page) == []
    await found_by_whoever_comes(visit)


async def found_by_whoever_comes(visit: Visit) -> None:
    page = await visit.window(CHINESE, width=PHONE, scripts=False)
    await page.goto("/shelf?q=网点")
    await page.click("[data-results] a[href='/shelf/summit-securities/branches']")
    await expect(page.locator("h1")).to_contain_text("网点查询")
    await expect(page.locator("main")).to_contain_text("0.02")
