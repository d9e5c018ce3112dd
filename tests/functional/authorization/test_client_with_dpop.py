"""The partner's client without a certificate, against the authorization server itself."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from consent_world import Client, World

from weir.authorization.front.endpoints import Asgi
from weir.client import AuthorizationServer, Credentials, DpopKey, Exchange, OAuthError, Platform
from weir.keys.vault import PLATFORM
from weir.partners import applications


class OverAsgi(Exchange):
    """The client's exchange, its connections replaced by the application under test."""

    def __init__(self, app: Asgi) -> None:
        self.asked: list[str] = []

        async def note(request: httpx.Request) -> None:
            self.asked.append(request.url.path)

        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            headers={"weir-port-kind": "public", "weir-host-role": "auth"},
            event_hooks={"request": [note]},
        )


@pytest.fixture
async def exchange(auth_app: Asgi) -> AsyncIterator[OverAsgi]:
    async with OverAsgi(auth_app) as exchange:
        yield exchange


async def test_a_client_without_a_certificate_has_its_tokens_bound_to_its_dpop_key(
    world: World, exchange: OverAsgi, folder: Path
) -> None:
    credentials = Credentials.generate(folder / "shop")
    async with world.services.database.unit(PLATFORM) as unit:
        application = await applications.register(
            unit,
            world.shop.id,
            name="Without a certificate",
            token_endpoint_auth_method="private_key_jwt",
            jwks=credentials.public_jwks(),
        )
    credentials = credentials.registered_as(application.id, "private_key_jwt")
    subscriber = Client(application, credentials.signing_key, b"", "")
    await world.subscribe(subscriber, await world.publish_product("quotes"))
    key, platform = DpopKey(), Platform.at(folder / "root.pem")
    server = await AuthorizationServer.discover(platform, credentials, exchange, key)
    first = await server.client_credentials("river-bank.quotes")
    second = await server.client_credentials("river-bank.quotes")
    assert exchange.asked[1:] == ["/token"] * 3  # one for the nonce, then one for each token
    for token in (first, second):
        segment = token.access_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
        assert (token.scheme, claims["cnf"]) == ("DPoP", {"jkt": key.thumbprint})
    without = await AuthorizationServer.discover(platform, credentials, exchange)
    with pytest.raises(OAuthError):
        await without.client_credentials("river-bank.quotes")
