"""Lines of the FAPI 2.0 Security Profile that no module of the conformance suite tests."""

from __future__ import annotations

import pytest
from fapi_support import Flow

from weir.identity.secrets import new_secret


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_no_page_of_another_origin_reads_the_authorization_endpoint(
    flow: Flow, method: str
) -> None:
    """Section 5.2.3: the authorization endpoint supports no CORS."""
    request_uri = (await flow.par()).json()["request_uri"]
    answer = await flow.browser.http.request(
        method,
        "/authorize",
        params={"client_id": flow.client.id, "request_uri": request_uri},
        headers={"origin": "https://evil.example", "access-control-request-method": "GET"},
    )
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_what_a_client_is_handed_cannot_be_guessed(flow: Flow) -> None:
    """Section 5.4.1 item 4: at least 128 bits. Base64url holds 6 bits a character."""
    pushed = (await flow.par()).json()
    back = await flow.answered(pushed["request_uri"])
    tokens = (await flow.world.exchange(flow.client, back["code"])).json()
    for secret in (
        pushed["request_uri"].rpartition(":")[2],
        back["code"],
        tokens["refresh_token"].partition("_")[2],
        new_secret(),
    ):
        assert len(secret) * 6 >= 128
