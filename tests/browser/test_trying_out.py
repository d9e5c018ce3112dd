"""Try it: an operation of the sandbox, called from its page, with a key that cannot leave it."""

from __future__ import annotations

import json

import pytest
from entering import register
from playwright.async_api import Page, Request, expect
from visiting import ENGLISH, PHONE, Visit, obstacles

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")

PAGE = "/shelf/summit-securities/quotes/getQuote"
ORDER = "/shelf/river-bank/payments/makePayment"
# Keeps hold of every key that the page makes, as an attacker's script might.
WATCH_KEYS = """
window.made = [];
const make = crypto.subtle.generateKey.bind(crypto.subtle);
crypto.subtle.generateKey = async (...how) => {
  const pair = await make(...how);
  window.made.push(pair);
  return pair;
};
"""
TAKE_KEY = """
async () => {
  const key = window.made[0].privateKey;
  const tried = ["jwk", "pkcs8"].map((form) =>
    crypto.subtle.exportKey(form, key).then(() => "taken", (error) => error.name));
  return [window.made.length, key.extractable, ...(await Promise.all(tried))];
}
"""
SEND_AGAIN = """
async (body) => (await (await fetch("/try/calls", {
  method: "POST", headers: { "content-type": "application/json" }, body,
})).json())
"""


async def subscribe(page: Page) -> None:
    """By what the page of the operation says is missing, step after step."""
    await page.goto(PAGE)
    await page.click(".try a.button")
    await page.fill("#application_name", "Orchard app")
    await page.press("#application_name", "Enter")
    await page.wait_for_selector("#make-key")
    await page.goto(PAGE)
    await page.click(".try a.button")
    await page.check("input[name=plan] >> nth=0")
    await page.get_by_label("first-steps").check()
    await page.click("form:has(input[name=plan]) button")
    await page.wait_for_url("**/first-call")


async def test_an_operation_is_called_from_its_page_in_both_languages(visit: Visit) -> None:
    page = await visit.window(ENGLISH)
    await page.goto(PAGE)
    assert await page.locator(".try a[href^='/sign-in']").count() == 1
    await register(page, "try.it")
    await subscribe(page)
    await page.add_init_script(WATCH_KEYS)
    calls: list[Request] = []
    page.on("request", lambda each: calls.append(each) if "/try/calls" in each.url else None)

    await page.goto(PAGE)
    await page.get_by_role("button", name="Send").press("Enter")
    await expect(page.locator("#try-status")).to_have_text("200")
    await expect(page.locator("#try-answer-body")).to_contain_text('"instrument_id": "609901"')
    assert "weir-receipt: " in str(await page.text_content("#try-headers"))
    assert "/quotes/v1/quotes/609901'" in str(await page.text_content("#try-curl"))
    assert await page.evaluate(TAKE_KEY) == [1, False, "InvalidAccessError", "InvalidAccessError"]
    assert await obstacles(page) == []

    again = await page.evaluate(SEND_AGAIN, calls[0].post_data)
    refused = json.loads(again["body"])
    assert (again["status"], refused["code"]) == (401, "dpop_proof_invalid")

    await page.set_viewport_size({"width": PHONE, "height": 800})
    await page.goto(f"{PAGE}?lang=zh-Hans")
    await page.fill("#try-path-instrument_id", "000000")
    await page.get_by_role("button", name="发送").click()
    await expect(page.locator("#try-status")).to_have_text("404")
    await page.fill("#try-path-instrument_id", "609901")
    await page.get_by_role("button", name="发送").click()
    await expect(page.locator("#try-status")).to_have_text("200")
    assert await obstacles(page) == []
    assert await page.locator("#try-facts code").count() == 2


async def test_without_a_script_the_page_says_so_and_shows_the_samples(visit: Visit) -> None:
    page = await visit.window(scripts=False)
    await page.goto(ORDER)
    assert await page.locator("#try-it").count() == 0
    assert await page.locator("#sample-curl").count() == 1
