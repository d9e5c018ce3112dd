"""What people see: their consents, the shelf, refusals; in both languages, without a script."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from consent_world import Browser, World, consent_form, query_of
from sqlalchemy import func, update

from weir.consent import consents
from weir.consent.withdrawals import withdraw
from weir.identity import customers
from weir.kernel.rooms import refusals
from weir.store.processes import leave, register
from weir.store.schema import processes
from weir.store.unit import Actor


@pytest.fixture
async def consent(world: World, browser: Browser, portal_browser: Browser) -> str:
    """A granted consent of the customer at the portal browser."""
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1", "acc-2"), "lihua")
    request_uri = await world.push(world.access_request(world.client))
    page = await browser.open(f"/authorize?client_id={world.client.id}&request_uri={request_uri}")
    page = await browser.sign_in(page, "lihua")
    answer = await browser.send(
        page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"}
    )
    issued = await world.exchange(world.client, query_of(answer.headers["location"])["code"])
    return str(issued.json()["grant_id"])


async def test_a_customer_withdraws_and_sees_when_every_gateway_knew(
    world: World, portal_browser: Browser, consent: str
) -> None:
    listed = await portal_browser.get("/my/consents")
    assert consent in listed.text
    page = await portal_browser.get(f"/my/consents/{consent}")
    answer = await portal_browser.send(page)
    assert answer.status_code == 303
    after = await portal_browser.get(f"/my/consents/{consent}")
    assert "Withdrawn at" in after.text
    assert "Confirmed by all gateways in" in after.text
    assert "Withdraw consent" not in after.text
    async with world.services.database.connect() as connection:
        found = await consents.find(connection, consent)
    assert found is not None
    assert (found.state, found.ended_by) == ("withdrawn", "customer")
    assert found.withdrawal_ms is not None
    again = await portal_browser.send(page)
    assert again.status_code == 303


async def test_a_withdrawal_is_not_called_confirmed_before_it_is(
    world: World, portal_browser: Browser, consent: str
) -> None:
    database = world.services.database
    async with database.connect() as connection:
        (customer,) = await customers.of_member(connection, world.bank.id)
    async with database.engine.begin() as connection:
        await register(connection, "prc_deaf", "gateway")
        await connection.execute(
            update(processes).values(lease_until=func.now() + timedelta(hours=1))
        )
    async with database.unit(Actor(world.bank.id, str(customer.person))) as unit:
        await withdraw(unit, consent, "customer")
    before = await portal_browser.get(f"/my/consents/{consent}")
    assert "Withdrawn at" in before.text
    assert "Confirmed by all gateways" not in before.text
    async with database.engine.begin() as connection:
        await leave(connection, "prc_deaf")
    after = await portal_browser.get(f"/my/consents/{consent}")
    assert "Confirmed by all gateways" in after.text


async def test_another_customers_consent_does_not_exist(
    world: World, portal_browser: Browser, portal_app: Any, consent: str
) -> None:
    stranger = Browser(portal_app, "https://portal.localhost")
    await stranger.claim(await world.enrol("RB-000002", "acc-9"), "wangwei")
    assert (await stranger.get(f"/my/consents/{consent}")).status_code == 404
    form = {"form_token": "0" * 64}
    assert (await stranger.http.post(f"/my/consents/{consent}", data=form)).status_code == 404
    assert consent not in (await stranger.get("/my/consents")).text
    await stranger.close()


async def test_pages_run_no_inline_script_and_cannot_be_framed(
    world: World, portal_browser: Browser, consent: str
) -> None:
    for path in (
        "/",
        "/shelf",
        "/members",
        f"/my/consents/{consent}",
        "/nothing",
        "/errors/not_found",
    ):
        page = await portal_browser.get(path)
        headers = page.headers
        assert re.findall(r"<script(?! src=./static/)", page.text) == []
        assert "style=" not in page.text
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["strict-transport-security"].startswith("max-age=")
        assert headers["cache-control"] == "no-store"


async def test_the_authorization_servers_pages_run_no_script_at_all(
    world: World, browser: Browser
) -> None:
    for path in ("/sign-in", "/errors/not_found", "/nothing"):
        page = await browser.get(path)
        assert "<script" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]


async def choose_theme(browser: Browser, page: httpx.Response, theme: str) -> httpx.Response:
    footer = page.text[page.text.index("<footer") :]
    hidden = dict(re.findall(r'name="(form_token|next)" value="([^"]*)"', footer))
    return await browser.http.post("/theme", data={**hidden, "theme": theme})


async def test_the_theme_is_chosen_by_a_form_and_kept(
    world: World, portal_browser: Browser
) -> None:
    before = await portal_browser.get("/shelf?q=%E8%B4%A6%E6%88%B7")
    assert "(prefers-color-scheme: dark)" in before.text
    answer = await choose_theme(portal_browser, before, "light")
    assert (answer.status_code, answer.headers["location"]) == (303, "/shelf?q=%E8%B4%A6%E6%88%B7")
    assert "dark.css" not in (await portal_browser.get("/shelf")).text
    await choose_theme(portal_browser, before, "dark")
    assert 'media="all"' in (await portal_browser.get("/shelf")).text
    assert (await choose_theme(portal_browser, before, "pink")).status_code == 422
    stranger = await portal_browser.http.post("/theme", data={"form_token": "0" * 64})
    assert stranger.status_code == 410


async def test_the_language_is_asked_for_remembered_or_the_browsers(
    world: World, portal_browser: Browser
) -> None:
    assert "Shelf" in (await portal_browser.get("/shelf")).text
    chosen = await portal_browser.get("/shelf?lang=zh-Hans")
    assert 'lang="zh-Hans"' in chosen.text
    assert "产品货架" in chosen.text
    assert "产品货架" in (await portal_browser.get("/shelf")).text
    assert "Shelf" in (await portal_browser.get("/shelf?lang=en")).text


async def test_a_browser_that_prefers_chinese_gets_chinese(world: World, portal_app: Any) -> None:
    chinese = Browser(portal_app, "https://portal.localhost", "fr;q=0.3, zh-CN, en;q=0.8")
    assert "江河银行" in (await chinese.get("/members")).text
    await chinese.close()


async def test_the_shelf_shows_products_their_plans_and_operations(
    world: World, portal_browser: Browser
) -> None:
    shelf = await portal_browser.get("/shelf")
    assert "/shelf/river-bank/accounts" in shelf.text
    product = await portal_browser.get("/shelf/river-bank/accounts")
    assert "CNY 0.05" in product.text
    assert "unlimited" in product.text
    for address in ("/shelf/river-bank/nothing", "/shelf/River/x", "/shelf/a%00b/c"):
        assert (await portal_browser.get(address)).status_code == 404


async def test_every_refusal_has_its_page_in_both_languages(world: World, browser: Browser) -> None:
    for code, outcome in refusals().items():
        page = await browser.get(f"/errors/{code}?lang=zh-Hans")
        assert page.status_code == 200
        assert outcome.zh in page.text
    assert (await browser.get("/errors/nothing")).status_code == 404


async def test_style_sheets_and_the_icon_are_served_and_nothing_else_is(
    world: World, portal_browser: Browser
) -> None:
    style = await portal_browser.get("/static/weir.css")
    assert style.headers["content-type"].startswith("text/css")
    icon = await portal_browser.get("/static/icon.svg")
    assert icon.headers["content-type"] == "image/svg+xml"
    assert (await portal_browser.get("/static/..%2fpages.py")).status_code == 404


async def test_hostile_text_is_shown_as_text(
    world: World, browser: Browser, portal_browser: Browser
) -> None:
    details = world.access_request(world.client)["authorization_details"]
    hostile = details.replace("Book-keeping for your shop", "<img src=x onerror=alert(1)>")
    state = "a&b=<c> d\"'"
    request_uri = await world.push(
        world.access_request(world.client, authorization_details=hostile, state=state)
    )
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    world.directory.customers["RB-000001"][0]["name"] = "<b>Everyday</b>"
    page = await browser.open(f"/authorize?client_id={world.client.id}&request_uri={request_uri}")
    page = await browser.sign_in(page, "lihua")
    assert "<img" not in page.text
    assert "<b>Everyday" not in page.text
    assert "&lt;b&gt;Everyday&lt;/b&gt;" in page.text
    answer = await browser.send(page, consent_form(page), ("answer", "no"))
    assert query_of(answer.headers["location"])["state"] == state
