"""Recurring payments as a customer meets them: asked in plain words, shown, and ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from consent_world import Browser, World, consent_form, query_of

from weir.consent import consents, recurring_payments
from weir.metering.counters import period_sums
from weir.metering.counters.period_sums import PeriodLimit


def asked(**changed: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "type": "urn:weir:recurring-payment:v1",
        "member": "river-bank",
        "payee": {"account": "6222000011112222", "name": "East Market"},
        "currency": "CNY",
        "maximum_individual_amount": "300.00",
        "periodic_limits": [
            {"period": "month", "alignment": "calendar", "amount": "1500.00"},
            {"period": "day", "alignment": "consent", "amount": "600.00"},
        ],
        "purpose": "Vegetables every week",
        "valid_from": (now - timedelta(hours=1)).isoformat(timespec="seconds"),
        "expires_at": (now + timedelta(days=90)).isoformat(timespec="seconds"),
    } | changed


async def question(world: World, browser: Browser, language: str) -> httpx.Response:
    form = world.access_request(world.client, authorization_details=json.dumps([asked()]))
    query = {"client_id": world.client.id, "request_uri": await world.push(form)}
    page = await browser.sign_in(await browser.open(f"/authorize?{urlencode(query)}"), "lihua")
    return await browser.get(f"{page.url.path}?lang={language}")


@pytest.fixture
async def customer(world: World, portal_browser: Browser) -> Browser:
    """A customer with two accounts, signed in at the portal."""
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1", "acc-2"), "lihua")
    return portal_browser


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "again and again?", "¥1,500.00", "at most a month, to East Market",
                "Each payment, at most", "¥300.00", "All within 24 hours", "¥600.00",
                "All of a calendar month", "not asked again for each payment",
                "From which account at River Bank?",
            ],
        ),
        (
            "zh-Hans",
            [
                "多次自动扣款吗？", "每月最多，付给East Market", "单笔最多", "每 24 小时合计",
                "每个自然月合计", "不再逐笔询问您", "从江河银行的哪个账户付款？",
            ],
        ),
    ],
)  # fmt: skip
async def test_the_page_says_the_limits_in_plain_words(
    world: World, customer: Browser, browser: Browser, language: str, words: list[str]
) -> None:
    page = (await question(world, browser, language)).text
    assert [each for each in words if each not in page] == []
    assert 'type="checkbox"' not in page


async def test_a_yes_is_granted_shown_with_what_was_paid_and_taken_back(
    world: World, customer: Browser, browser: Browser
) -> None:
    page = await question(world, browser, "en")
    form = consent_form(page)
    nothing = await browser.send(page, form, ("answer", "yes"))
    assert (nothing.status_code, "Choose at least one" in nothing.text) == (422, True)
    answer = await browser.send(page, form, ("answer", "yes"), account="acc-2")
    code = query_of(answer.headers["location"])["code"]
    tokens = (await world.exchange(world.client, code)).json()
    (entry,) = tokens["authorization_details"]
    assert entry["debtor_account"] == "acc-2"
    assert "accounts" not in entry
    consent = tokens["grant_id"]
    await pay(world, consent, 21_250)
    shown = (await customer.get(f"/my/consents/{consent}?lang=en")).text
    for words in ("Recurring payments", "CNY 212.50 paid so far", "6222 **** 0001"):
        assert words in shown, words
    change = {"grant_management_action": "replace", "grant_id": consent}
    details = json.dumps([asked()])
    refused = await world.post(
        "/par", world.access_request(world.client, authorization_details=details, **change)
    )
    assert refused.json()["error"] == "invalid_grant_id"
    await customer.send(await customer.get(f"/my/consents/{consent}"))  # the last form
    ended = await world.refresh(world.client, tokens["refresh_token"])
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")
    assert "paid so far" not in (await customer.get(f"/my/consents/{consent}")).text


async def test_a_silent_institution_leaves_the_accounts_number(
    world: World, customer: Browser, browser: Browser
) -> None:
    page = await question(world, browser, "en")
    await browser.send(page, consent_form(page), ("answer", "yes"), account="acc-2")
    world.directory.hangs = True
    listed = (await customer.get("/my/consents")).text
    consent = listed.partition("/my/consents/cns_")[2].partition('"')[0]
    shown = await customer.get(f"/my/consents/cns_{consent}")
    assert (shown.status_code, "<code>acc-2</code>" in shown.text) == (200, True)


async def pay(world: World, consent: str, amount_minor: int) -> None:
    """Count a payment as a gateway does."""
    async with world.services.database.engine.begin() as connection:
        found = await consents.find(connection, consent)
        assert found is not None
        assert found.granted is not None
        limits = [
            PeriodLimit(each.name, each.limit.amount.amount_minor, each.span.ends_at)
            for each in recurring_payments.read(found.granted).limit_periods_at(datetime.now(UTC))
        ]
        assert await period_sums.claim(connection, consent, amount_minor, limits) is None
