"""What a refused client and a refused browser are shown, and where they are led."""

from __future__ import annotations

import re

import pytest
from consent_world import Browser, World

from weir.authorization.declares import OAUTH_INVALID_CLIENT, OAUTH_INVALID_GRANT
from weir.authorization.front.error_answers import description_of
from weir.authorization.remedies import CAUSES
from weir.kernel.outcomes import Refusal

# RFC 6749 section 5.2.
DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")
URI = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


async def test_a_developer_reads_the_reason_and_is_led_to_it(
    world: World, browser: Browser
) -> None:
    assertion = world.client.assertion(world.issuer, aud=f"{world.issuer}/token")
    form = world.access_request(world.client, client_assertion=assertion)
    said = (await world.post("/par", form)).json()
    assert said["error_description"] == (
        "The client could not be authenticated: aud must be the issuer, as one string."
    )
    path, _, anchor = said["error_uri"].removeprefix(world.issuer).partition("#")
    assert (path, anchor) == (
        "/errors/oauth_invalid_client",
        "aud-must-be-the-issuer-as-one-string",
    )
    page = await browser.get(path)
    assert f'<section id="{anchor}"' in page.text
    assert "Set aud to the issuer of the metadata" in page.text


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
async def test_every_cause_stands_on_its_page_in_both_languages(
    browser: Browser, language: str
) -> None:
    for outcome, causes in CAUSES.items():
        page = await browser.http.get(
            f"/errors/{outcome.code}", headers={"accept-language": language}
        )
        assert page.status_code == 200
        for each in causes:
            told = each.do_zh if language == "zh-Hans" else each.do
            assert told[:20].replace("'", "&#39;") in page.text, each
            assert each.reason == "" or f'id="{each.anchor}"' in page.text


async def test_errors_keep_to_the_characters_of_the_standard(world: World) -> None:
    """Whatever a client sent that its error repeats."""
    forms = [
        {"client_assertion": "\u4e2d\u6587.x.y"},
        {"response_mode": '"quoted\\"'},
        {"authorization_details": '[{"type": "\u4e2d"}]'},
        {"resource": "\u4e2d"},
        {"scope": "a\u00e9"},
    ]
    for changed in forms:
        answer = await world.post("/par", world.access_request(world.client, **changed))
        said = answer.json()
        assert set(said) == {"error", "error_description", "error_uri"}
        assert DESCRIPTION.fullmatch(said["error_description"]), said
        assert URI.fullmatch(said["error_uri"]), said
    hostile = Refusal(OAUTH_INVALID_CLIENT, why='a "b" \\ \u4e2d\n' + "x" * 1_000)
    assert DESCRIPTION.fullmatch(description_of(hostile))
    assert "a 'b' / ??" in description_of(hostile)
    assert len(description_of(hostile)) <= 400


async def test_a_client_that_is_not_authenticated_is_challenged(world: World) -> None:
    """RFC 6749 section 5.2 by the scheme it tried, RFC 9110 section 15.5.2 in any case."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("/token", "/par", "/revoke", "/introspect", "/bc-authorize"):
        for tried, scheme in (
            ("Basic YTpi", "Basic"),
            ("DPoP x", "DPoP"),
            (None, "private_key_jwt"),
            ('"x"', "private_key_jwt"),
        ):
            fields = world.headers(world.client) | form
            fields |= {"authorization": tried} if tried else {}
            content = "client_id=a&grant_type=client_credentials"
            answer = await world.auth.post(path, content=content, headers=fields)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert answer.headers["www-authenticate"] == f'{scheme} realm="{world.issuer}"'


async def test_an_authorization_url_that_was_not_pushed_says_how_to_push(
    world: World, browser: Browser
) -> None:
    query = world.access_request(world.client) | {"client_id": world.client.id}
    for language, told in (
        ("en", "pushed_authorization_request_endpoint"),
        ("zh-Hans", "授权请求须先推送"),
    ):
        page = await browser.http.get(
            "/authorize", params=query, headers={"accept-language": language}
        )
        assert page.status_code == 400
        assert told in page.text
        assert "/errors/oauth_request_not_pushed" in page.text


async def test_a_request_may_be_posted_to_the_authorization_endpoint(
    world: World, browser: Browser
) -> None:
    """OpenID Connect Core section 3.1.2.1."""
    uri = await world.push(world.access_request(world.client))
    form = {"client_id": world.client.id, "request_uri": uri}
    begun = await browser.http.post("/authorize", data=form)
    assert begun.status_code == 303
    assert begun.headers["location"].startswith("/interactions/")
    assert (await browser.http.post("/authorize", json=form)).status_code == 415
    in_the_query = await browser.http.post("/authorize", params=form, data={"state": "s"})
    assert in_the_query.status_code == 400  # the form alone counts


async def test_a_code_says_which_of_its_parts_did_not_fit(world: World) -> None:
    """What another client's code and an unknown one are refused with is one sentence."""
    reasons = {each.reason for each in CAUSES[OAUTH_INVALID_GRANT]}
    answer = await world.exchange(world.client, "x" * 43)
    assert answer.json()["error_description"].endswith(
        ": the code is unknown, or another client's."
    )
    assert "the code is unknown, or another client's" in reasons
