"""The partner's client managing grants and asking customers (CIBA), against the server itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ciba_support import ENDPOINT, Asker
from consent_world import REDIRECT_URI, Browser, Client, World, consent_form
from joserfc import jws
from test_client_with_dpop import OverAsgi

from weir.authorization.front.endpoints import Asgi
from weir.client import (
    AuthorizationServer,
    Backchannel,
    Credentials,
    DpopKey,
    Grants,
    OAuthError,
    Platform,
    Question,
    Token,
)
from weir.keys.vault import PLATFORM
from weir.partners import applications


@dataclass
class Partner:
    """A client without a certificate, its tokens bound by DPoP, and its customer."""

    world: World
    browser: Browser
    server: AuthorizationServer
    customer: Asker

    async def token(self, *accounts: str, **asked: Any) -> Token:
        """A whole flow in the customer's browser."""
        pushed = await self.server.push_authorization_request(
            scope="river-bank.quotes", redirect_uri=REDIRECT_URI, **(self.details() | asked)
        )
        page = await self.browser.open(pushed.authorization_url.removeprefix(self.world.issuer))
        if "Sign-in name" in page.text:
            page = await self.browser.sign_in(page, "lihua")
        chosen = {f"account-{n}": account for n, account in enumerate(accounts)}
        yes = await self.browser.send(page, consent_form(page), ("answer", "yes"), **chosen)
        return await self.server.exchange_code(pushed, yes.headers["location"])

    def details(self, **changed: Any) -> dict[str, Any]:
        form = self.world.access_request(self.world.client)
        (entry,) = json.loads(form["authorization_details"])
        return {"authorization_details": [entry | changed]}

    async def ask(self, **asked: Any) -> Question:
        usual: dict[str, Any] = {
            "scope": "river-bank.quotes",
            "binding_message": "W4SCT",
            "login_hint": "RB-000001",
        }
        return await Backchannel(self.server).ask(**(usual | self.details() | asked))


@pytest.fixture
async def partner(
    world: World, browser: Browser, portal_browser: Browser, auth_app: Asgi, folder: Path
) -> AsyncIterator[Partner]:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1", "acc-2"), "lihua")
    credentials = Credentials.generate(folder / "shop")
    async with world.services.database.unit(PLATFORM) as unit:
        application = await applications.register(
            unit,
            world.shop.id,
            name="Till",
            token_endpoint_auth_method="private_key_jwt",
            jwks=credentials.public_jwks(),
            redirect_uris=[REDIRECT_URI],
            roles=["data"],
        )
        await applications.set_backchannel(unit, application.id, "ping", ENDPOINT)
    credentials = credentials.registered_as(application.id, "private_key_jwt")
    subscriber = Client(application, credentials.signing_key, b"", "")
    await world.subscribe(subscriber, await world.publish_product("quotes"))
    async with OverAsgi(auth_app) as exchange:
        platform = Platform.at(folder / "root.pem")
        server = await AuthorizationServer.discover(platform, credentials, exchange, DpopKey())
        yield Partner(world, browser, server, Asker(world, portal_browser))


async def test_a_grant_is_made_wider_put_in_place_of_read_and_ended(partner: Partner) -> None:
    grants = Grants(partner.server)
    first = await partner.token("acc-1", grant_management_action="create")
    assert first.grant_id is not None
    wider = await partner.token(
        "acc-2",
        grant_management_action="merge",
        grant_id=first.grant_id,
        **partner.details(permissions=["ReadTransactions"]),
    )
    assert wider.grant_id == first.grant_id
    told = await grants.query(first.grant_id)
    (entry,) = told.authorization_details
    assert told.scope == "river-bank.quotes"
    assert entry["permissions"] == ["ReadAccounts", "ReadBalances", "ReadTransactions"]
    assert (entry["accounts"], wider.accounts()) == (["acc-1", "acc-2"], ["acc-1", "acc-2"])
    await partner.token(
        "acc-2",
        grant_management_action="replace",
        grant_id=first.grant_id,
        **partner.details(permissions=["ReadAccounts"]),
    )
    (entry,) = (await grants.query(first.grant_id)).authorization_details
    assert (entry["permissions"], entry["accounts"]) == (["ReadAccounts"], ["acc-2"])
    await grants.revoke(first.grant_id)
    await grants.revoke(first.grant_id)  # its answer might have been lost
    for wrong in (first.grant_id, "cns_" + "0" * 26, "token"):
        with pytest.raises(OAuthError) as refused:
            await grants.query(wrong)
        assert refused.value.status == 404, wrong


async def test_a_change_that_the_customer_refuses_leaves_the_grant(partner: Partner) -> None:
    first = await partner.token("acc-1")
    with pytest.raises(OAuthError, match="invalid_grant_id"):
        await partner.token(grant_management_action="merge", grant_id="cns_" + "0" * 26)
    told = await Grants(partner.server).query(str(first.grant_id))
    assert told.authorization_details == first.authorization_details


async def test_a_customer_is_asked_and_the_answer_is_collected(partner: Partner) -> None:
    backchannel = Backchannel(partner.server)
    question = await partner.ask(requested_expiry_s=120)
    assert (question.lifetime_s, question.interval_s) == (120, 5)
    assert await backchannel.collect(question) is None
    assert await backchannel.collect(question) is None
    assert question.interval_s == 10  # it was too early, and the server said so
    assert question.auth_req_id not in repr(question)
    await partner.customer.yes()
    token = await backchannel.wait(question)
    assert (token.scheme, token.accounts()) == ("DPoP", ["acc-1"])
    again = await backchannel.collect(question)
    assert again is not None
    assert (again.grant_id, again.refresh_token) == (token.grant_id, token.refresh_token)
    told = await Grants(partner.server).query(str(token.grant_id))
    assert told.authorization_details == token.authorization_details


async def test_waiting_ends_with_the_customers_no_or_with_the_question(partner: Partner) -> None:
    question = await partner.ask()
    page = await partner.customer.page()
    await partner.customer.say(page, "no")
    with pytest.raises(OAuthError, match="access_denied"):
        await Backchannel(partner.server).wait(question)
    late = await partner.ask(requested_expiry_s=30)
    partner.world.clock.ahead = timedelta(seconds=31)
    with pytest.raises(OAuthError, match="expired_token"):
        await Backchannel(partner.server).wait(late)


async def test_a_ping_is_believed_with_its_token_and_for_its_question_only(
    partner: Partner,
) -> None:
    question = await partner.ask()
    body = json.dumps({"auth_req_id": question.auth_req_id}).encode()
    bearer = f"Bearer {question.notification_token}"
    assert question.is_answered_by(bearer, body)
    for authorization, content in (
        ("Bearer other", body),
        (question.notification_token, body),
        ("", body),
        ("Bearer \u4e2d", body),
        (bearer, b'{"auth_req_id": "another"}'),
        (bearer, b"[]"),
        (bearer, b""),
    ):
        assert not question.is_answered_by(authorization, content), (authorization, content)
    assert not Question("x", 300).is_answered_by("Bearer ", b'{"auth_req_id": "x"}')


def confirmation(token: Token) -> dict[str, str]:
    """What an access token is bound to (RFC 7800 section 3.1)."""
    claims = jws.extract_compact(token.access_token.encode()).payload
    return dict(json.loads(claims)["cnf"])


async def test_grants_and_questions_under_dpop_need_its_key(partner: Partner) -> None:
    """CIBA tokens and the grants endpoint are bound as every other token is (RFC 9449)."""
    token = await partner.token("acc-1")
    question = await partner.ask()
    await partner.customer.yes()
    collected = await Backchannel(partner.server).collect(question)
    assert collected is not None
    assert partner.server.dpop is not None
    query = await partner.server.client_credentials("grant_management_query")
    for bound in (collected, query):
        assert confirmation(bound) == {"jkt": partner.server.dpop.thumbprint}
    partner.server.dpop = DpopKey()  # a thief has the token and another key
    for method in ("GET", "DELETE"):
        with pytest.raises(OAuthError) as refused:
            await partner.server.ask(
                method, "grant_management_endpoint", str(token.grant_id), query
            )
        assert refused.value.status == 401
    plain = {"authorization": f"Bearer {query.access_token}"}
    answer = await partner.world.auth.get(
        f"/grants/{token.grant_id}", headers=partner.world.headers(None) | plain
    )
    assert answer.status_code == 401
