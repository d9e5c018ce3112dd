"""Security Profile modules about codes, tokens and refreshing them, one test a name."""

from __future__ import annotations

from datetime import timedelta

from consent_world import REDIRECT_URI, VERIFIER
from fapi_support import Flow, refused
from sqlalchemy import text

from weir.authorization.declares import AUTHORIZATION_CODE_LIFETIME_S


async def always_by_dpop(flow: Flow) -> None:
    """The client registers that its tokens are bound by DPoP (RFC 9449 section 5.2)."""
    always = """UPDATE applications SET constraints = '{"dpop_bound_access_tokens": true}'
        WHERE id = :id"""
    async with flow.world.services.database.engine.begin() as connection:
        await connection.execute(text(always), {"id": flow.client.id})


async def test_ensure_client_id_in_token_endpoint(flow: Flow) -> None:
    """A client must be named, and by nobody else's name."""
    code = await flow.code()
    other = flow.world.other_client
    mixed = await flow.world.exchange(flow.client, code, client_id=other.id)
    refused(mixed, "invalid_client")
    unnamed = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    refused(await flow.world.post("/token", unnamed, other), "invalid_client")
    assert (await flow.world.exchange(flow.client, code)).status_code == 200


async def test_ensure_holder_of_key_required(flow: Flow) -> None:
    """Neither a certificate nor a proof of possession: no token, however the client is proven."""
    by_certificate = await flow.world.register(flow.world.shop, "tls_client_auth", name="Mutual")
    named = {"grant_type": "client_credentials", "client_id": by_certificate.id}
    refused(await flow.world.post("/token", named), "invalid_request")
    await always_by_dpop(flow)  # the variant with DPoP: a certificate is not what was promised
    shown = await flow.world.exchange(flow.client, await flow.code())
    refused(shown, "invalid_dpop_proof")
    form = {
        **flow.world.proof(flow.client),
        "grant_type": "authorization_code",
        "code": await flow.code(),
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    refused(await flow.world.post("/token", form), "invalid_request")


async def test_ensure_authorization_code_is_bound_to_client(flow: Flow) -> None:
    code = await flow.code()
    refused(await flow.world.exchange(flow.world.other_client, code), "invalid_grant")
    assert (await flow.world.exchange(flow.client, code)).status_code == 200


async def test_attempt_reuse_authorization_code_after_one_second(flow: Flow) -> None:
    """And what the first use gave opens nothing any more (RFC 6749 section 4.1.2)."""
    code = await flow.code(scope="openid river-bank.accounts")
    issued = await flow.world.exchange(flow.client, code)
    bearer = {"authorization": f"Bearer {issued.json()['access_token']}"}
    fields = flow.world.headers(flow.client) | bearer
    assert (await flow.world.auth.get("/userinfo", headers=fields)).status_code == 200
    flow.world.clock.ahead = timedelta(seconds=1)
    refused(await flow.world.exchange(flow.client, code), "invalid_grant")
    assert (await flow.world.auth.get("/userinfo", headers=fields)).status_code == 401
    token = issued.json()["refresh_token"]
    refused(await flow.world.refresh(flow.client, token), "invalid_grant")


async def test_ensure_token_endpoint_fails_with_expired_auth_code(flow: Flow) -> None:
    code = await flow.code()
    flow.world.clock.ahead = timedelta(seconds=AUTHORIZATION_CODE_LIFETIME_S + 1)
    later_s = int(flow.world.clock.now().timestamp())
    fresh = flow.client.assertion(flow.world.issuer, iat=later_s, exp=later_s + 60)
    answer = await flow.world.exchange(flow.client, code, client_assertion=fresh)
    refused(answer, "invalid_grant")


async def test_refresh_token(flow: Flow) -> None:
    """Not rotated (FAPI 2.0 section 5.3.2.1 item 9), and bound to its client."""
    issued = await flow.tokens()
    first = await flow.world.refresh(flow.client, issued["refresh_token"])
    second = await flow.world.refresh(flow.client, issued["refresh_token"])
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["access_token"] != issued["access_token"]
    stolen = await flow.world.refresh(flow.world.other_client, issued["refresh_token"])
    refused(stolen, "invalid_grant")
    unproven = {"grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
    named = unproven | {"client_id": flow.client.id}
    refused(await flow.world.post("/token", named, flow.client), "invalid_client")
    unbound = unproven | flow.world.proof(flow.client)
    refused(await flow.world.post("/token", unbound), "invalid_request")
    await always_by_dpop(flow)
    unproven_now = await flow.world.refresh(flow.client, issued["refresh_token"])
    refused(unproven_now, "invalid_dpop_proof")


async def test_ensure_pkce_code_verifier_required(flow: Flow) -> None:
    """The module takes `invalid_grant` alone (RFC 7636 section 4.6)."""
    answer = await flow.world.exchange(flow.client, await flow.code(), code_verifier="")
    refused(answer, "invalid_grant")


async def test_incorrect_pkce_code_verifier_rejected(flow: Flow) -> None:
    answer = await flow.world.exchange(flow.client, await flow.code(), code_verifier="w" * 43)
    refused(answer, "invalid_grant")
