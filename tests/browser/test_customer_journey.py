"""A customer is asked, allows it, sees who may do what, and stops it: and it is stopped."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from page_words import either, saying
from partner_steps import ACCOUNTS, ASKER, BACK, PAYER, every_kind, partner, refusal_of
from playwright.async_api import Page, expect
from visits import CHINESE, DESK, ENGLISH, PHONE, Visit, obstacles

from weir.access.consent_types import PAYMENT_INITIATION, RECURRING_PAYMENT
from weir.access.consent_types import PERMISSIONS as PERMISSIONS_OF
from weir.consent.words import PERMISSIONS

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")

CUSTOMER = "rb-000001"
_PAYEE = {"account": "6222000011112222", "name": "East Market"}


def kinds_of_consent() -> Iterator[dict[str, Any]]:
    """A request for each kind, with everything it can ask for."""
    for kind, permissions in PERMISSIONS_OF.items():
        yield {"type": kind, "permissions": list(permissions)}
    yield {
        "type": PAYMENT_INITIATION,
        "payee": _PAYEE,
        "amount": {"amount": "1234.50", "currency": "CNY"},
        "reference": "Invoice 2026-118",
    }
    yield {
        "type": RECURRING_PAYMENT,
        "payee": _PAYEE,
        "currency": "CNY",
        "maximum_individual_amount": "300.00",
        "periodic_limits": [
            {"period": "day", "alignment": "consent", "amount": "600.00"},
            {"period": "month", "alignment": "calendar", "amount": "1500.00"},
        ],
        "valid_from": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@pytest.mark.parametrize(
    ("language", "width", "dark"),
    [
        (ENGLISH, DESK, False),
        (CHINESE, PHONE, True),
    ],
)
async def test_nothing_stands_in_the_way_of_any_question(
    visit: Visit, language: str, width: int, dark: bool
) -> None:
    page = await visit.window(language, width=width, dark=dark)
    async with (
        partner(visit.demo, PAYER) as asking,
        every_kind(visit.demo, asking) as scope,
    ):
        for number, wanted in enumerate(kinds_of_consent()):
            pushed = await asking.ask(scope, **wanted, purpose="Keep the books of your shop")
            await page.goto(pushed.authorization_url)
            if number == 0:
                await say_who(page, visit)
            await expect(page.locator("button[name=answer][value=yes]")).to_be_visible()
            assert await obstacles(page) == [], wanted["type"]


@pytest.mark.parametrize(
    ("language", "width", "dark", "purpose"),
    [
        (ENGLISH, DESK, False, "Keep the books of your shop"),
        (CHINESE, PHONE, True, "为您的店铺记账"),
    ],
)
async def test_what_a_customer_allows_flows_until_it_is_withdrawn(
    visit: Visit, language: str, width: int, dark: bool, purpose: str
) -> None:
    say, purpose = saying(language), f"{purpose} {secrets.token_hex(4)}"
    page = await visit.window(language, width=width, dark=dark)
    async with partner(visit.demo, ASKER) as asking:
        pushed = await asking.ask_for_accounts(purpose)
        await page.goto(pushed.authorization_url)
        came_back = await allow(page, visit)
        session = await asking.read_accounts(pushed, came_back)
        assert (await session.call("GET", ACCOUNTS)).json()

        await visit.sign_in(page, CUSTOMER, "/my/consents")
        assert await obstacles(page) == []
        await page.locator("tr", has_text=purpose).get_by_role("link").click()
        for permission in ("ReadAccounts", "ReadBalances"):
            words = PERMISSIONS[permission].of("zh-Hans" if language == CHINESE else "en")
            await expect(page.locator("main")).to_contain_text(words)
        await expect(page.locator(".facts")).to_contain_text(
            either(("Abacus Software", "算盘软件"), language)
        )
        await page.get_by_role("button", name=say("Withdraw consent")).click()
        await expect(page.locator(".note-done")).to_be_visible()
        await expect(page.locator(".history")).to_contain_text(say("All gateways confirmed"))
        assert await obstacles(page) == []
        assert await refusal_of(session, ACCOUNTS) == "consent_withdrawn"
    await page.goto("/my/questions")
    assert await obstacles(page) == []
    await page.goto("/my/consents")
    ended = page.locator("table", has=page.get_by_text(say("Ended"), exact=True))
    await expect(ended.locator("tr", has_text=purpose)).to_be_visible()


async def say_who(page: Page, visit: Visit) -> None:
    """Sign in where the question waits."""
    await page.fill("#name", CUSTOMER)
    await page.fill("#passphrase", visit.demo.sign_in_of(CUSTOMER))
    await page.press("#passphrase", "Enter")
    await page.wait_for_url("**/interactions/**")


async def allow(page: Page, visit: Visit) -> str:
    """Sign in, read the question, allow the first account; the address the answer leads to."""
    await say_who(page, visit)
    assert await page.locator("input[type=checkbox]:checked").count() == 0
    await page.check("input[name=account-0]")
    # The application is nowhere: what comes is the browser's own page, under whatever address.
    async with page.expect_event("framenavigated"), page.expect_request(f"{BACK}**") as leaving:
        await page.click("button[name=answer][value=yes]")
    address = (await leaving.value).url
    left = f"left the platform: {address}"  # to the application's own page, which is meant
    visit.complaints = [each for each in visit.complaints if each != left]
    return address
