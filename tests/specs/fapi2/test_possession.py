"""Security Profile modules about DPoP at the authorization server, one test a name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fapi_support import Flow, now_s, refused
from joserfc.jwk import ECKey
from possession_support import Holder, claims_of

INVALID = "invalid_dpop_proof"


@pytest.fixture
def holder(flow: Flow) -> Holder:
    return Holder(flow)


async def test_check_dpop_proof_nbf_exp(flow: Flow, holder: Holder) -> None:
    """The module's proofs have both; here they also hold when they say no."""
    code = await flow.code()
    refused(await holder.exchange(code, exp=now_s() - 5), INVALID)
    refused(await holder.exchange(code, nbf=now_s() + 70), INVALID)
    within = {"nbf": now_s(), "exp": now_s() + 300}
    assert (await holder.exchange(code, **within)).status_code == 200


async def test_ensure_dpopproof_with_iat_10seconds_before_succeeds(
    flow: Flow, holder: Holder
) -> None:
    """The server's clock is moved on, since the cache of a test is itself only seconds old."""
    code = await flow.code()
    flow.world.clock.ahead = timedelta(seconds=10)
    assert (await holder.exchange(code)).status_code == 200


async def test_ensure_dpopproof_with_iat_10seconds_after_succeeds(
    flow: Flow, holder: Holder
) -> None:
    issued = await holder.exchange(await flow.code(), iat=now_s() + 10)
    assert issued.status_code == 200, issued.text


async def test_ensure_mismatched_dpop_jkt_fails(holder: Holder) -> None:
    """At the pushed request: `dpop_jkt` names another key than the proof's."""
    other = ECKey.generate_key("P-256").thumbprint()
    refused(await holder.par(dpop_jkt=other), INVALID)


async def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(
    flow: Flow, holder: Holder
) -> None:
    """The request was pushed with one key's proof, the code is shown with another's."""
    pushed = await holder.par()
    code = (await flow.answered(pushed.json()["request_uri"]))["code"]
    refused(await Holder(flow).exchange(code), INVALID)
    assert (await holder.exchange(code)).status_code == 200


async def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(
    flow: Flow, holder: Holder
) -> None:
    """The request named one key by `dpop_jkt`, the code is shown with another's proof, or none."""
    code = await flow.code(dpop_jkt=holder.thumbprint)
    refused(await Holder(flow).exchange(code), INVALID)
    refused(await flow.world.exchange(flow.client, code), INVALID)
    assert (await holder.exchange(code)).status_code == 200


async def test_ensure_dpopproof_at_par_endpoint_binding_success(flow: Flow, holder: Holder) -> None:
    pushed = await holder.par()
    assert pushed.status_code == 201, pushed.text
    code = (await flow.answered(pushed.json()["request_uri"]))["code"]
    issued = await holder.exchange(code)
    assert issued.json()["token_type"] == "DPoP"
    assert claims_of(issued.json()["access_token"])["cnf"] == {"jkt": holder.thumbprint}


async def test_ensure_dpop_auth_code_binding_success(flow: Flow, holder: Holder) -> None:
    issued = await holder.exchange(await flow.code(dpop_jkt=holder.thumbprint))
    assert issued.json()["token_type"] == "DPoP"
    assert claims_of(issued.json()["access_token"])["cnf"] == {"jkt": holder.thumbprint}
    refresh = {
        **flow.world.proof(flow.client),
        "grant_type": "refresh_token",
        "refresh_token": issued.json()["refresh_token"],
    }
    other = Holder(flow, nonce=holder.nonce)
    again = await other.send("/token", refresh, other.proof("/token"))
    assert claims_of(again.json()["access_token"])["cnf"] == {"jkt": other.thumbprint}
