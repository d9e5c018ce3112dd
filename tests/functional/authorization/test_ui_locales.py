"""A customer is asked in the language the application names, unless the customer chose another."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from consent_world import Browser, World

from weir.portal import languages

ENGLISH, CHINESE = "Sign in", "登录"


async def visit(world: World, browser: Browser, ui_locales: str | None) -> httpx.Response:
    """Push a request and open it; the page one comes to, which is the sign-in."""
    form = world.access_request(world.client, ui_locales=ui_locales)
    query = {"client_id": world.client.id, "request_uri": await world.push(form)}
    page = await browser.open(f"/authorize?{urlencode(query)}")
    assert page.status_code == 200, page.text
    return page


def language_of(page: httpx.Response) -> str:
    return page.text.partition('<html lang="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        (None, "en"),
        ("zh-Hans", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("fr-CA fr zh en", "zh-Hans"),
        ("fr en zh", "en"),
        ("tlh", "en"),
        ("ZH", "zh-Hans"),
        ("zha", "en"),
    ],
)
async def test_the_first_supported_language_counts(
    world: World, browser: Browser, asked: str | None, language: str
) -> None:
    page = await visit(world, browser, asked)
    assert language_of(page) == language
    assert (CHINESE if language == "zh-Hans" else ENGLISH) in page.text


async def test_the_question_and_its_errors_are_in_it_too(
    world: World, browser: Browser, portal_browser: Browser
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    page = await browser.sign_in(await visit(world, browser, "zh-CN"), "lihua")
    assert "涉及哪些账户？" in page.text
    assert language_of(page) == "zh-Hans"
    lost = await browser.get("/interactions/int_nothing")
    assert language_of(lost) == "zh-Hans"


async def test_what_the_customer_chose_goes_before_it_and_stays(
    world: World, browser: Browser
) -> None:
    await visit(world, browser, "zh")
    chosen = await browser.get("/sign-in?lang=en")
    assert language_of(chosen) == "en"
    assert language_of(await visit(world, browser, "zh")) == "en"


async def test_a_request_that_says_nothing_is_not_asked_in_an_earlier_ones_language(
    world: World, browser: Browser
) -> None:
    assert language_of(await visit(world, browser, "zh")) == "zh-Hans"
    assert language_of(await visit(world, browser, None)) == "en"


@pytest.mark.parametrize(
    "asked",
    [
        "zh  en", " zh", "zh,en", "zh;q=0.5", "中文", "zh_CN", "toolongtag9", "9z", "e" * 9, "-",
        "*", " ".join(["en"] * 70),
    ],
)  # fmt: skip
async def test_what_is_no_list_of_tags_is_refused(world: World, asked: str) -> None:
    refused = await world.post("/par", world.access_request(world.client, ui_locales=asked))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert "ui_locales" in json.dumps(refused.json())


async def test_metadata_names_the_languages_that_pages_exist_in(world: World) -> None:
    told: dict[str, Any] = (await world.auth.get("/.well-known/oauth-authorization-server")).json()
    assert told["ui_locales_supported"] == list(languages.LANGUAGES)
