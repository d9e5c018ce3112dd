"""The partner's client with a signed request and a signed answer, against the server itself."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from consent_world import REDIRECT_URI, Browser, Client, World, consent_form
from test_client_with_dpop import OverAsgi

from weir.authorization.front.endpoints import Asgi
from weir.client import (
    AuthorizationServer,
    Credentials,
    DpopKey,
    OAuthError,
    Platform,
    ProtocolError,
    PushedRequest,
)
from weir.keys.vault import PLATFORM
from weir.partners import applications


@dataclass
class Signing:
    """A client registered as one that signs, and the browser of its customer."""

    world: World
    browser: Browser
    server: AuthorizationServer

    async def push(self, **more: bool) -> PushedRequest:
        form = self.world.access_request(self.world.client)
        return await self.server.push_authorization_request(
            scope="openid river-bank.quotes",
            redirect_uri=REDIRECT_URI,
            authorization_details=json.loads(form["authorization_details"]),
            more={"nonce": "n-1", "max_age": 600, "claims": {"id_token": {"name": None}}},
            **more,
        )

    async def callback(self, pushed: PushedRequest) -> str:
        address = pushed.authorization_url.removeprefix(self.world.issuer)
        page = await self.browser.open(address)
        if "Sign-in name" in page.text:
            page = await self.browser.sign_in(page, "lihua")
        form = consent_form(page)
        yes = await self.browser.send(page, form, ("answer", "yes"), **{"account-0": "acc-1"})
        return str(yes.headers["location"])


@pytest.fixture
async def signing(
    world: World, browser: Browser, portal_browser: Browser, auth_app: Asgi, folder: Path
) -> AsyncIterator[Signing]:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    credentials = Credentials.generate(folder / "shop")
    async with world.services.database.unit(PLATFORM) as unit:
        application = await applications.register(
            unit,
            world.shop.id,
            name="Signs",
            token_endpoint_auth_method="private_key_jwt",
            jwks=credentials.public_jwks(),
            redirect_uris=[REDIRECT_URI],
            roles=["data"],
            require_signed_request_object=True,
        )
    credentials = credentials.registered_as(application.id, "private_key_jwt")
    subscriber = Client(application, credentials.signing_key, b"", "")
    await world.subscribe(subscriber, await world.publish_product("quotes"))
    async with OverAsgi(auth_app) as exchange:
        platform = Platform.at(folder / "root.pem")
        server = await AuthorizationServer.discover(platform, credentials, exchange, DpopKey())
        yield Signing(world, browser, server)


async def test_a_request_goes_out_signed_and_its_answer_comes_back_signed(
    signing: Signing,
) -> None:
    with pytest.raises(OAuthError, match="registered as one that signs"):
        await signing.push()  # registered as one that signs
    pushed = await signing.push(signed=True, signed_answer=True)
    location = await signing.callback(pushed)
    assert "code=" not in location
    assert "response=" in location
    token = await signing.server.exchange_code(pushed, location)
    assert token.accounts() == ["acc-1"]


async def test_an_answer_that_is_not_signed_for_this_client_now_is_not_believed(
    signing: Signing,
) -> None:
    pushed = await signing.push(signed=True, signed_answer=True)
    signer, now_s = signing.world.services.signer, int(time.time())
    good = {
        "iss": signing.world.issuer,
        "aud": signing.server._credentials.client_id,
        "exp": now_s + 60,
        "state": pushed.state,
        "code": "c",
    }
    forged = [
        ({"aud": "app_other"}, "another client"),
        ({"exp": now_s - 1}, "expired"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"state": "other"}, "does not belong"),
    ]
    for change, why in forged:
        response = await signer.sign_jwt(good | change, "JWT")
        with pytest.raises(ProtocolError, match=why):
            address = f"{REDIRECT_URI}?{urlencode({'response': response})}"
            await signing.server.exchange_code(pushed, address)
    altered = (await signer.sign_jwt(good, "JWT"))[:-8] + "AAAAAAAA"
    beside = {"code": "c", "state": pushed.state, "iss": signing.world.issuer}
    for parameters in ({"response": altered}, beside):
        with pytest.raises(ProtocolError):
            address = f"{REDIRECT_URI}?{urlencode(parameters)}"
            await signing.server.exchange_code(pushed, address)
