"""Introspection: who may ask, what is told, and when a token is worth nothing any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from consent_world import Browser, Client, World, consent_form, query_of
from joserfc import jwt
from joserfc.jwk import KeySet

from weir.consent.withdrawals import withdraw_and_confirm
from weir.keys.vault import PLATFORM
from weir.partners import applications, certificates, organisations

SIGNED = "application/token-introspection+jwt"


@dataclass
class Desk:
    """A member's own system that asks what tokens are worth."""

    world: World
    bank: Client
    other: Client

    async def ask(
        self, token: str, client: Client | None = None, accept: str = SIGNED
    ) -> httpx.Response:
        asks = client or self.bank
        form = {**self.world.proof(asks), "token": token}
        headers = self.world.headers(asks) | {"accept": accept}
        return await self.world.auth.post("/introspect", data=form, headers=headers)

    async def told(self, token: str, client: Client | None = None) -> dict[str, Any]:
        """What the signed answer says, after the checks of RFC 9701 section 5."""
        answer = await self.ask(token, client)
        assert (answer.status_code, answer.headers["content-type"]) == (200, SIGNED)
        assert answer.headers["cache-control"] == "no-store"
        keys = KeySet.import_key_set((await self.world.auth.get("/jwks")).json())
        signed = jwt.decode(answer.text, keys, algorithms=["ES256"])
        assert signed.header["typ"] == "token-introspection+jwt"
        claims = signed.claims
        assert set(claims) == {"iss", "aud", "iat", "token_introspection"}
        assert (claims["iss"], claims["aud"]) == (self.world.issuer, (client or self.bank).id)
        return dict(claims["token_introspection"])


@pytest.fixture
async def desk(world: World) -> Desk:
    async def of(bank: organisations.Organisation) -> Client:
        return await world.register(
            bank, "private_key_jwt", name=f"Core of {bank.name_en}", roles=["introspect"]
        )

    return Desk(world, await of(world.bank), await of(world.other_bank))


@pytest.fixture
async def issued(world: World, browser: Browser, portal_browser: Browser) -> dict[str, Any]:
    """A token response of a customer's grant, bound to the client's certificate."""
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    request_uri = await world.push(world.access_request(world.client))
    address = f"/authorize?client_id={world.client.id}&request_uri={request_uri}"
    page = await browser.sign_in(await browser.open(address), "lihua")
    yes = await browser.send(page, consent_form(page), ("answer", "yes"), **{"account-0": "acc-1"})
    answer = await world.exchange(world.client, query_of(yes.headers["location"])["code"])
    return dict(answer.json())


async def test_a_member_is_told_what_a_token_is_worth_to_it(
    desk: Desk, world: World, issued: dict[str, Any]
) -> None:
    told = await desk.told(issued["access_token"])
    assert told["active"] is True
    assert told["scope"] == "river-bank.accounts"
    assert told["client_id"] == world.client.id
    assert told["grant_id"] == issued["grant_id"]
    assert told["authorization_details"] == issued["authorization_details"]
    assert told["cnf"] == {"x5t#S256": world.client.thumbprint}
    assert told["token_type"] == "Bearer"
    assert "sub" not in told  # the partner's own name for the customer
    plain = await desk.ask(issued["access_token"], accept="application/json")
    assert plain.json() == told


async def test_nothing_leaks_to_whom_it_does_not_concern(
    desk: Desk, world: World, issued: dict[str, Any]
) -> None:
    """Another member, tokens of another audience, refresh tokens and what is no token: inactive."""
    inactive = {"active": False}
    assert await desk.told(issued["access_token"], desk.other) == inactive
    assert await desk.told(issued["refresh_token"]) == inactive
    managing = (await world.credentials(world.client, "manage")).json()["access_token"]
    for token in (managing, "no.such.token", "x" * 20_000, issued["access_token"][:-4] + "AAAA"):
        assert await desk.told(token) == inactive


async def test_a_partner_is_never_answered(
    desk: Desk, world: World, issued: dict[str, Any]
) -> None:
    asked = await desk.ask(issued["access_token"], world.client)
    assert (asked.status_code, asked.json()["error"]) == (400, "unauthorized_client")
    unproven = await world.auth.post(
        "/introspect", data={"token": issued["access_token"]}, headers=world.headers(None)
    )
    assert (unproven.status_code, unproven.json()["error"]) == (401, "invalid_client")


async def _give_back(world: World, issued: dict[str, Any]) -> None:
    form = {**world.proof(world.client), "token": issued["access_token"]}
    assert (await world.post("/revoke", form)).status_code == 200


async def _withdraw(world: World, issued: dict[str, Any]) -> None:
    await withdraw_and_confirm(
        world.services.database, PLATFORM, issued["grant_id"], "platform", "test"
    )


async def _suspend(world: World, issued: dict[str, Any]) -> None:
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.suspend(unit, world.client.id)


async def _suspend_organisation(world: World, issued: dict[str, Any]) -> None:
    async with world.services.database.unit(PLATFORM) as unit:
        await organisations.suspend(unit, world.shop.id)


async def _revoke_certificate(world: World, issued: dict[str, Any]) -> None:
    async with world.services.database.unit(PLATFORM) as unit:
        await certificates.revoke(unit, world.client.certificate_id)


End = Callable[[World, dict[str, Any]], Awaitable[None]]


@pytest.mark.parametrize(
    "end", [_give_back, _withdraw, _suspend, _suspend_organisation, _revoke_certificate]
)
async def test_what_has_ended_is_inactive_at_once(
    desk: Desk, world: World, issued: dict[str, Any], end: End
) -> None:
    assert (await desk.told(issued["access_token"]))["active"] is True
    await end(world, issued)
    assert await desk.told(issued["access_token"]) == {"active": False}


async def test_a_token_that_has_expired_is_inactive(
    desk: Desk, world: World, issued: dict[str, Any]
) -> None:
    world.clock.ahead = timedelta(seconds=295)
    claims = {"iat": None, "exp": int(world.clock.now().timestamp()) + 60}
    form = {"token": issued["access_token"], "client_assertion": "", **world.proof(desk.bank)}
    form["client_assertion"] = desk.bank.assertion(world.issuer, **claims)
    live = await world.auth.post("/introspect", data=form, headers=world.headers(desk.bank))
    assert live.json()["active"] is True, live.text
    world.clock.ahead = timedelta(seconds=301)
    form["client_assertion"] = desk.bank.assertion(world.issuer, **claims)
    late = await world.auth.post("/introspect", data=form, headers=world.headers(desk.bank))
    assert late.json() == {"active": False}
