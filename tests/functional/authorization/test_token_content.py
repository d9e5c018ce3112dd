"""Token requests that ask for less than was granted, or for the API that they mean."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from consent_world import Browser, World, consent_form, query_of

BOTH = ["ReadAccounts", "ReadBalances"]


@pytest.fixture
async def code(world: World, browser: Browser, portal_browser: Browser) -> str:
    """A code of a customer who shared two accounts, with two permissions."""
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1", "acc-2"), "lihua")
    end = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds")
    entry = {
        "type": "urn:weir:account-access:v1",
        "member": "river-bank",
        "permissions": BOTH,
        "purpose": "Book-keeping",
        "expires_at": end,
    }
    form = world.access_request(world.client, authorization_details=json.dumps([entry]))
    uri = await world.push(form)
    page = await browser.open(f"/authorize?client_id={world.client.id}&request_uri={uri}")
    page = await browser.sign_in(page, "lihua")
    accounts = {"account-0": "acc-1", "account-1": "acc-2"}
    sent = await browser.send(page, consent_form(page), ("answer", "yes"), **accounts)
    return query_of(sent.headers["location"])["code"]


def asking(**changed: Any) -> str:
    entry = {"type": "urn:weir:account-access:v1", "member": "river-bank"} | changed
    return json.dumps([entry])


def details_in(token: str) -> dict[str, Any]:
    """The one entry in a token's own claims, by which gateways decide."""
    segment = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    (entry,) = claims["authorization_details"]
    return dict(entry)


async def test_a_token_may_be_asked_for_less_than_was_granted(world: World, code: str) -> None:
    """RFC 9396 section 6. The grant stays whole: the next refresh has all of it again."""
    issued = await world.exchange(
        world.client, code, authorization_details=asking(permissions=["ReadAccounts"])
    )
    assert issued.status_code == 200, issued.text
    first = details_in(issued.json()["access_token"])
    assert (first["permissions"], first["accounts"]) == (["ReadAccounts"], ["acc-1", "acc-2"])
    assert issued.json()["authorization_details"] == [first]
    refreshing = issued.json()["refresh_token"]
    narrow = asking(permissions=["ReadBalances"], accounts=["acc-2"])
    refreshed = await world.refresh(world.client, refreshing, authorization_details=narrow)
    entry = details_in(refreshed.json()["access_token"])
    assert (entry["permissions"], entry["accounts"]) == (["ReadBalances"], ["acc-2"])
    whole = details_in((await world.refresh(world.client, refreshing)).json()["access_token"])
    assert (whole["permissions"], whole["accounts"]) == (BOTH, ["acc-1", "acc-2"])


async def test_what_was_not_granted_is_refused_and_the_code_lives_on(
    world: World, code: str
) -> None:
    refused = [
        "x",
        "[]",
        json.dumps({"type": "urn:weir:account-access:v1"}),
        json.dumps([{"member": "river-bank"}]),
        asking(type="urn:weir:payment-initiation:v1"),
        asking(member="lake-bank"),
        asking(permissions=["ReadTransactions"]),
        asking(permissions=[]),
        asking(permissions="ReadAccounts"),
        asking(accounts=["acc-9"]),
        asking(accounts=[["acc-1"]]),
        asking(purpose="Something else"),
        asking(unknown=1),
    ]
    for each in refused:
        answer = await world.exchange(world.client, code, authorization_details=each)
        assert answer.json()["error"] == "invalid_authorization_details", each
    assert (await world.exchange(world.client, code)).status_code == 200


async def test_a_resource_is_the_one_that_the_scope_is_for(world: World, code: str) -> None:
    """RFC 8707 section 2: another's API is never answered with a token of ours."""
    for resource, error in (
        ("https://elsewhere.example/", "invalid_target"),
        ("https://manage.localhost", "invalid_target"),
        ("api.localhost", "invalid_request"),
        ("https://api.localhost/#part", "invalid_request"),
        ("https://[api", "invalid_request"),
    ):
        pushed = await world.post("/par", world.access_request(world.client, resource=resource))
        assert pushed.json()["error"] == error, resource
        answer = await world.exchange(world.client, code, resource=resource)
        assert answer.json()["error"] == error, resource
        answer = await world.credentials(world.client, resource=resource)
        assert answer.json()["error"] == error, resource
    api = "https://api.localhost:8443/river-bank/accounts/v1"
    assert (await world.credentials(world.client, resource=api)).status_code == 200
    assert (await world.exchange(world.client, code, resource=api)).status_code == 200
