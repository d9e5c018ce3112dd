"""Trying an operation out: who gets a token for which key, and what the relay lets through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from consent_world import World
from joserfc.jwk import ECKey
from sqlalchemy import select, update
from staff_world import Colleague, join

from weir.audit.tables import audit_entries
from weir.authorization.tokens import presented_tokens
from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S
from weir.partners import applications
from weir.portal.declares import TRIAL_BODY_BYTES, TRIAL_REQUEST_BYTES
from weir.shelf.tables import products
from weir.store.unit import Actor

ORIGIN = "https://portal.localhost"
PAGE = "/shelf/river-bank/accounts/list"
TARGET = "/river-bank/accounts/v1/accounts"


@dataclass
class Developer:
    """A developer of the shop at the page of an operation, with a key of its own."""

    person: Colleague
    token: str
    product: str
    application: str
    thumbprint: str

    async def post(self, path: str, given: dict[str, Any], **headers: str) -> Any:
        sent = {"origin": ORIGIN, **headers}
        return await self.person.browser.http.post(path, json=given, headers=sent)

    def wish(self, **changed: str) -> dict[str, Any]:
        return {
            "form_token": self.token, "application": self.application, "product": self.product,
            "thumbprint": self.thumbprint,
        } | changed  # fmt: skip

    def call(self, **changed: Any) -> dict[str, Any]:
        return {
            "form_token": self.token, "product": self.product, "operation": "list",
            "target": TARGET, "headers": {}, "body": "", "token": "a.b.c", "proof": "d.e.f",
        } | changed  # fmt: skip


@pytest.fixture
async def developer(world: World, portal_app: Any) -> Any:
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        await unit.connection.execute(update(products).values(sandbox=True))
    person = await join(world, portal_app, world.shop.id, "partner", "developer")
    page = (await person.get(PAGE)).text
    found = {
        name: re.findall(rf'data-{name}="([^"]+)"', page)[0] for name in ("form-token", "product")
    }
    key = ECKey.generate_key("P-256")
    yield Developer(
        person, found["form-token"], found["product"], world.client.id, str(key.thumbprint())
    )
    await person.browser.close()


async def set_sandbox(world: World, *, sandbox: bool) -> None:
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        await unit.connection.execute(update(products).values(sandbox=sandbox))


async def events(world: World) -> list[Any]:
    async with world.services.database.connect() as connection:
        found = await connection.execute(
            select(audit_entries).where(audit_entries.c.event == "application.tried")
        )
        return list(found)


async def test_a_token_is_for_one_product_one_key_and_some_minutes(
    world: World, developer: Developer
) -> None:
    answer = await developer.post("/try/tokens", developer.wish())
    assert answer.status_code == 200, answer.text
    given = answer.json()
    claims = presented_tokens.claims_of(world.services.signer, given["access_token"])
    assert claims is not None
    assert claims["cnf"] == {"jkt": developer.thumbprint}
    assert (claims["scope"], claims["client_id"]) == ("river-bank.accounts", world.client.id)
    assert claims["aud"] == [world.services.addresses.api_audience]
    assert claims["exp"] - claims["iat"] == ACCESS_TOKEN_LIFETIME_S == given["expires_in"]
    (entry,) = await events(world)
    assert entry.organisation == world.shop.id
    assert entry.detail["token"] == claims["jti"]
    assert entry.detail["thumbprint"] == developer.thumbprint
    assert given["access_token"] not in str(entry)


async def test_nobody_gets_a_token_for_what_is_not_theirs_or_not_to_be_tried(
    world: World, developer: Developer
) -> None:
    refused = {
        "another's application": (
            developer.wish(application=world.other_client.id),
            404,
            "not_found",
        ),
        "no application": (developer.wish(application="app_" + "0" * 26), 404, "not_found"),
        "no product": (developer.wish(product="prd_" + "0" * 26), 404, "not_found"),
        "no thumbprint": (developer.wish(thumbprint="short"), 422, "invalid_input"),
    }
    for what, (wish, status, code) in refused.items():
        answer = await developer.post("/try/tokens", wish)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
    await set_sandbox(world, sandbox=False)
    answer = await developer.post("/try/tokens", developer.wish())
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "沙箱" in answer.json()["parameters"]["why_zh"]
    assert (await developer.post("/try/calls", developer.call())).json()["code"] == "forbidden"
    assert "only your application calls it" in (await developer.person.get(PAGE)).text
    await set_sandbox(world, sandbox=True)
    async with world.services.database.unit(Actor(world.shop.id, "setup")) as unit:
        await applications.suspend(unit, world.client.id)
    answer = await developer.post("/try/tokens", developer.wish())
    assert (answer.status_code, answer.json()["code"]) == (403, "application_suspended")
    assert await events(world) == []


async def test_a_key_that_was_revoked_gets_nothing(world: World, developer: Developer) -> None:
    async with world.services.database.unit(Actor(world.shop.id, "setup")) as unit:
        await applications.revoke_key(unit, world.client.id, developer.thumbprint)
    answer = await developer.post("/try/tokens", developer.wish())
    assert answer.json()["code"] == "invalid_input"


async def test_only_the_portals_own_page_may_ask(developer: Developer, portal_app: Any) -> None:
    nobody = Colleague.nobody(portal_app)
    for path, given in (("/try/tokens", developer.wish()), ("/try/calls", developer.call())):
        for origin in ("https://evil.example", "null", "https://auth.localhost", ""):
            answer = await developer.post(path, given, origin=origin)
            assert (answer.status_code, answer.json()["code"]) == (410, "page_expired"), origin
        forged = await developer.post(path, given | {"form_token": "0" * 64})
        assert forged.json()["code"] == "page_expired"
        plain = await developer.post(path, given, **{"content-type": "text/plain"})
        assert plain.json()["code"] == "unsupported_media_type"
        unknown = await developer.post(path, given | {"more": 1})
        assert unknown.json()["code"] == "invalid_input"
        answer = await nobody.browser.http.post(path, json=given, headers={"origin": ORIGIN})
        assert answer.json()["code"] == "page_expired"
    await nobody.browser.close()


async def test_the_relay_carries_this_operation_and_nothing_else(developer: Developer) -> None:
    refused = {
        "another path": ({"target": "/river-bank/accounts/v1/other"}, "invalid_input"),
        "another host": ({"target": "//elsewhere.example/accounts"}, "invalid_input"),
        "dots": ({"target": f"{TARGET}/../accounts"}, "invalid_input"),
        "a fragment": ({"target": f"{TARGET}#x"}, "invalid_input"),
        "a line": ({"target": f"{TARGET}\r\nx: y"}, "invalid_input"),
        "too long": ({"target": f"{TARGET}?q={'x' * 2_048}"}, "invalid_input"),
        "another operation": ({"operation": "delete"}, "not_found"),
        "its own host": ({"headers": {"host": "auth.localhost"}}, "invalid_input"),
        "another token": ({"headers": {"Authorization": "Bearer x"}}, "invalid_input"),
        "a gateway's word": ({"headers": {"weir-peer": "127.0.0.1"}}, "invalid_input"),
        "a broken header": ({"headers": {"accept": "a\r\nb: c"}}, "invalid_input"),
        "no token": ({"token": "x y"}, "invalid_input"),
        "no proof": ({"proof": ""}, "invalid_input"),
        "a long body": ({"body": "x" * (TRIAL_BODY_BYTES + 1)}, "body_too_large"),
        "a longer one": ({"body": "x" * TRIAL_REQUEST_BYTES}, "body_too_large"),
    }
    for what, (changed, code) in refused.items():
        answer = await developer.post("/try/calls", developer.call(**changed))
        assert answer.json()["code"] == code, what
    # What passes all of that goes out, and here nobody is there to take it.
    answer = await developer.post("/try/calls", developer.call(target=f"{TARGET}?page=2"))
    assert answer.json()["code"] == "platform_unavailable"


async def test_the_page_says_what_is_missing(world: World, portal_app: Any) -> None:
    await set_sandbox(world, sandbox=True)
    nobody = Colleague.nobody(portal_app)
    assert f"/sign-in?next={PAGE}" in (await nobody.get(PAGE)).text
    reader = await join(world, portal_app, world.shop.id, "partner", "auditor")
    assert "tried out by owners and developers" in (await reader.get(PAGE)).text
    owner = await join(world, portal_app, world.bank.id, "member", "owner")
    assert 'id="try-it"' not in (await owner.get(PAGE)).text
    for each in (nobody, reader, owner):
        await each.browser.close()
