"""Security Profile modules about client assertions, one test a name."""

from __future__ import annotations

import secrets

from fapi_support import Flow, now_s, refused
from joserfc import jwt
from joserfc.jwk import RSAKey

from weir.keys.vault import PLATFORM
from weir.partners import applications, keys


async def test_ensure_signed_client_assertion_with_RS256_fails(flow: Flow) -> None:  # noqa: N802
    """The key is registered and would do for PS256; its use with RS256 is refused."""
    key = RSAKey.generate_key(2048)
    public = {**key.as_dict(private=False), "kid": "one", "use": "sig"}
    async with flow.world.services.database.unit(PLATFORM) as unit:
        jwks = keys.public_jwks({"keys": [public]}, "/jwks")
        await applications.rotate_keys(unit, flow.client.id, jwks)
    for algorithm, status in (("RS256", 401), ("PS256", 201)):
        claims = {
            "iss": flow.client.id,
            "sub": flow.client.id,
            "aud": flow.world.issuer,
            "iat": now_s(),
            "exp": now_s() + 60,
            "jti": secrets.token_urlsafe(16),
        }
        header = {"alg": algorithm, "kid": "one"}
        signed = jwt.encode(header, claims, key, algorithms=[algorithm])
        assert (await flow.par(client_assertion=signed)).status_code == status


async def test_ensure_client_assertion_in_token_endpoint(flow: Flow) -> None:
    code = await flow.code()
    without = {"client_assertion": "", "client_assertion_type": "", "client_id": flow.client.id}
    refused(await flow.world.exchange(flow.client, code, **without), "invalid_client")


async def test_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(flow: Flow) -> None:
    code = await flow.code()
    old = flow.client.assertion(flow.world.issuer, exp=now_s() - 300)
    answer = await flow.world.exchange(flow.client, code, client_assertion=old)
    refused(answer, "invalid_client")


async def test_ensure_client_assertion_with_wrong_aud_fails(flow: Flow) -> None:
    code = await flow.code()
    other = flow.client.assertion("https://other.example/")
    answer = await flow.world.exchange(flow.client, code, client_assertion=other)
    refused(answer, "invalid_client")


async def test_ensure_client_assertion_with_no_sub_fails(flow: Flow) -> None:
    code = await flow.code()
    unnamed = flow.client.assertion(flow.world.issuer, sub=None)
    answer = await flow.world.exchange(flow.client, code, client_assertion=unnamed)
    refused(answer, "invalid_client")


async def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(
    flow: Flow,
) -> None:
    assert (await flow.par_with_assertion(nbf=now_s() + 8)).status_code == 201


async def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(
    flow: Flow,
) -> None:
    refused(await flow.par_with_assertion(nbf=now_s() + 65), "invalid_client")


async def test_par_test_array_as_audience_fails(flow: Flow) -> None:
    refused(await flow.par_with_assertion(aud=[flow.world.issuer]), "invalid_client")


async def test_par_test_par_endpoint_url_as_audience_fails(flow: Flow) -> None:
    refused(await flow.par_with_assertion(aud=f"{flow.world.issuer}/par"), "invalid_client")


async def test_par_test_token_endpoint_url_as_audience_fails(flow: Flow) -> None:
    refused(await flow.par_with_assertion(aud=f"{flow.world.issuer}/token"), "invalid_client")
