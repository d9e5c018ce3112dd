"""Modules about signed requests and signed answers, one test a name.

Those of the Security Profile whose requests are signed are here too.
"""

from __future__ import annotations

import base64
import json

import pytest
from consent_world import REDIRECT_URI
from fapi_support import Flow, now_s, refused
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from signing_support import Signer

HOUR_S = 3_600
INVALID = "invalid_request_object"


@pytest.fixture
def signer(flow: Flow) -> Signer:
    return Signer(flow)


async def test_ensure_different_nonce_inside_and_outside_request_object(
    flow: Flow, signer: Signer
) -> None:
    """The one inside counts; so the one outside may even be longer than any nonce."""
    request = signer.signed(signer.claims(nonce="inside"))
    pushed = await signer.send(request, nonce="n" * 1_000)
    assert "code" in await flow.answered(pushed.json()["request_uri"])


async def test_ensure_different_state_inside_and_outside_request_object(
    flow: Flow, signer: Signer
) -> None:
    request = signer.signed(signer.claims(state="inside"))
    pushed = await signer.send(request, state="outside")
    assert (await flow.answered(pushed.json()["request_uri"]))["state"] == "inside"


async def test_state_only_outside_request_object_not_used(flow: Flow, signer: Signer) -> None:
    request = signer.signed(signer.claims(state=None))
    pushed = await signer.send(request, state="outside")
    assert "state" not in await flow.answered(pushed.json()["request_uri"])


async def test_ensure_request_object_without_redirect_uri_fails(signer: Signer) -> None:
    request = signer.signed(signer.claims(redirect_uri=None))
    refused(await signer.send(request, redirect_uri=REDIRECT_URI), "invalid_request")


async def test_ensure_request_object_with_multiple_aud_succeeds(flow: Flow, signer: Signer) -> None:
    """And the answer can be signed as well; then nothing stands beside it (JARM)."""
    audience = [flow.world.issuer, "https://other.example/"]
    pushed = await signer.par(aud=audience, response_mode="jwt")
    back = await flow.answered(pushed.json()["request_uri"])
    assert set(back) == {"response"}
    keys = KeySet.import_key_set((await flow.world.auth.get("/jwks")).json())
    claims = jwt.decode(back["response"], keys, algorithms=["ES256"]).claims
    assert set(claims) == {"iss", "aud", "exp", "code", "state"}
    assert (claims["iss"], claims["aud"]) == (flow.world.issuer, flow.client.id)
    assert now_s() < claims["exp"] <= now_s() + 600
    assert (await flow.world.exchange(flow.client, claims["code"])).status_code == 200


async def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(
    signer: Signer,
) -> None:
    assert (await signer.par(nbf=now_s() + 8)).status_code == 201


async def test_ensure_request_object_without_exp_fails(signer: Signer) -> None:
    refused(await signer.par(exp=None), INVALID)


async def test_ensure_request_object_without_nbf_fails(signer: Signer) -> None:
    refused(await signer.par(nbf=None), INVALID)


async def test_ensure_expired_request_object_fails(signer: Signer) -> None:
    refused(await signer.par(nbf=now_s() - 600, exp=now_s() - 300), INVALID)


async def test_ensure_request_object_with_bad_aud_fails(signer: Signer) -> None:
    refused(await signer.par(aud="https://other.example/"), INVALID)


async def test_ensure_request_object_with_exp_over_60_fails(signer: Signer) -> None:
    refused(await signer.par(exp=now_s() + HOUR_S + 600), INVALID)


async def test_ensure_request_object_with_nbf_over_60_fails(signer: Signer) -> None:
    refused(await signer.par(nbf=now_s() - HOUR_S - 600), INVALID)


async def test_ensure_signed_request_object_with_RS256_fails(signer: Signer) -> None:  # noqa: N802
    """The key is registered and would do for PS256; its use with RS256 is refused."""
    key = await signer.use_rsa()
    by_rs256 = signer.signed(signer.claims(), key, alg="RS256", kid="rsa")
    refused(await signer.send(by_rs256), INVALID)
    by_ps256 = signer.signed(signer.claims(), key, alg="PS256", kid="rsa")
    assert (await signer.send(by_ps256)).status_code == 201


async def test_ensure_request_object_signature_algorithm_is_not_none(signer: Signer) -> None:
    _, payload, signature = signer.signed(signer.claims()).split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    for unsigned in (f"{header}.{payload}.", f"{header}.{payload}.{signature}"):
        refused(await signer.send(unsigned), INVALID)


async def test_ensure_request_object_with_invalid_signature_fails(signer: Signer) -> None:
    signed = signer.signed(signer.claims())
    refused(await signer.send(signed[:-6] + "AAAAAA"), INVALID)


async def test_ensure_matching_key_in_authorization_request(signer: Signer) -> None:
    """Signed well, by a key that is not the client's."""
    refused(await signer.send(signer.signed(signer.claims(), ECKey.generate_key("P-256"))), INVALID)


async def test_par_authorization_request_containing_request_uri(signer: Signer) -> None:
    refused(await signer.par(request_uri="urn:ietf:params:oauth:request_uri:x"), INVALID)


async def test_ensure_unsigned_request_at_par_endpoint_fails(flow: Flow) -> None:
    """For an application registered as one that signs, as every client of this profile is."""
    world = flow.world
    client = await world.register(world.shop, "private_key_jwt", name="Signs", signs_requests=True)
    refused(await world.post("/par", world.access_request(client)), "invalid_request")
    await world.subscribe(client, await world.publish_product("signed"))
    signer = Signer(flow, client)
    assert (await signer.par(scope="river-bank.signed")).status_code == 201
