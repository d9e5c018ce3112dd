"""Try it: an operation of the sandbox, called from its page, with a key that cannot leave it."""

from __future__ import annotations

import json

import pytest
from entry_steps import register
from playwright.async_api import Page, Request, expect
from visits import ENGLISH, PHONE, Visit, obstacles

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
    await page.fill("#application_name", "Trial app")
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


CONSENTED = "/shelf/river-bank/accounts/getBalances"
PAYMENT = "/shelf/river-bank/payments/makePayment"


async def asking_application(page: Page) -> None:
    """An application that is registered to ask customers, and subscribes at once."""
    await page.goto("/desk/applications/new")
    await page.fill("#application_name", "Trial asks")
    await page.check("input[name=role_data]")
    await page.check("input[name=role_payments]")
    await page.fill("#redirect_uris", "https://orchard.example/back")
    await page.click("main form button[type=submit]")
    await page.wait_for_selector("#make-key")
    for path in (CONSENTED, PAYMENT):
        await page.goto(path)
        await page.click(".try a.button")
        await page.get_by_label("first-steps").check()
        await page.click("form:has(input[name=plan]) button")
        await page.wait_for_url("**/first-call")


async def agree(page: Page, ask: str, yes: str) -> None:
    """Ask the test customer that is chosen, and say yes as the customer, in another window."""
    await page.get_by_role("button", name=ask).click()
    await expect(page.locator("#try-approve")).to_be_visible()
    name, passphrase = [
        str(await page.text_content(f"#try-{each}")) for each in ("sign-in-name", "passphrase")
    ]
    async with page.context.expect_page() as opening:
        await page.locator("#try-approve").press("Enter")
    asked = await opening.value
    await asked.wait_for_load_state()
    if await asked.locator("#passphrase").count():
        await asked.fill("#name", name)
        await asked.fill("#passphrase", passphrase)
        await asked.press("#passphrase", "Enter")
        await asked.wait_for_url("**/interactions/**")
    choices = asked.locator("input[name^=account]")
    await choices.first.check()
    await asked.get_by_role("button", name=yes, exact=True).click()
    await asked.wait_for_url("**/try/back")
    assert await obstacles(asked) == []
    await asked.close()
    await expect(page.locator("#try-granted")).to_be_visible()


async def test_a_test_customer_agrees_and_the_operation_answers_in_both_languages(
    visit: Visit,
) -> None:
    page = await visit.window(ENGLISH)
    await register(page, "try.consents")
    await asking_application(page)
    await page.goto(CONSENTED)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#try-answer-body")).to_contain_text("consent_required")
    await agree(page, "Ask this customer", "Allow")
    granted = str(await page.text_content("#try-granted-accounts")).split(", ")[0]
    assert await page.input_value("#try-path-account_id") == granted
    assert await obstacles(page) == []
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#try-status")).to_have_text("200")
    await expect(page.locator("#try-answer-body")).to_contain_text(granted)
    assert str(await page.text_content("#try-receipt"))

    await page.set_viewport_size({"width": PHONE, "height": 800})
    await page.goto(f"{PAYMENT}?lang=zh-Hans")
    await agree(page, "向该客户请求授权", "Pay")
    assert await obstacles(page) == []
    await page.get_by_role("button", name="发送").click()
    await expect(page.locator("#try-status")).to_have_text("201")


async def test_without_a_script_the_page_says_so_and_shows_the_samples(visit: Visit) -> None:
    page = await visit.window(scripts=False)
    await page.goto(ORDER)
    assert await page.locator("#try-it").count() == 0
    assert await page.locator("#sample-curl").count() == 1
