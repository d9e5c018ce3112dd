"""What a client checks before it believes that the browser came back (FAPI 2.0 section 5.3.3)."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from weir.client.authorization import AuthorizationServer, PushedRequest
from weir.client.credentials import Credentials
from weir.client.errors import OAuthError, ProtocolError

ISSUER = "https://auth.example"
BACK = "https://mall.example/back"


def server() -> AuthorizationServer:
    nowhere: Any = None  # a request that is refused before it is sent needs no connections
    return AuthorizationServer({"issuer": ISSUER}, Credentials(Path("nowhere"), "app_x"), nowhere)


def pushed() -> PushedRequest:
    return PushedRequest("https://auth.example/authorize?x", BACK, "the-state", "verifier", 90)


def callback(address: str = BACK, **values: str) -> str:
    return f"{address}?{urlencode({'state': 'the-state', 'iss': ISSUER, 'code': 'c'} | values)}"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (callback("https://evil.example/back"), "another address"),
        (callback("http://mall.example/back"), "another address"),
        (callback("https://mall.example/other"), "another address"),
        (callback(state="other"), "does not belong"),
        (callback(iss="https://evil.example"), "another issuer"),
        (f"{BACK}?state=the-state&code=c", "another issuer"),
        (callback() + "&code=d", "repeated"),
        (f"{BACK}?{urlencode({'state': 'the-state', 'iss': ISSUER})}", "no code"),
    ],
)
async def test_a_redirect_that_is_not_ours_is_not_believed(address: str, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        await server().exchange_code(pushed(), address)


async def test_the_customers_no_is_an_error_of_its_own() -> None:
    query = urlencode({"state": "the-state", "iss": ISSUER, "error": "access_denied"})
    with pytest.raises(OAuthError, match="access_denied"):
        await server().exchange_code(pushed(), f"{BACK}?{query}")
