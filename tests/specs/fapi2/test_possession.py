"""Security Profile modules about DPoP at the authorization server, one test a name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fapi_support import Flow, now_s, refused
from joserfc.jwk import ECKey, OKPKey, RSAKey
from possession_support import Holder, claims_of

INVALID = "invalid_dpop_proof"


@pytest.fixture
def holder(flow: Flow) -> Holder:
    return Holder(flow)


async def test_check_dpop_proof_nbf_exp(flow: Flow, holder: Holder) -> None:
    """A proof need not have these claims; when it has them, they hold."""
    code = await flow.code()
    refused(await holder.exchange(code, exp=now_s() - 5), INVALID)
    refused(await holder.exchange(code, nbf=now_s() + 70), INVALID)
    within = {"nbf": now_s() - 5, "exp": now_s() + 60}
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


async def test_dpop_negative_tests(flow: Flow, holder: Holder) -> None:
    """Each fault of RFC 9449 section 4.3 alone is refused; mended, it is not."""
    await holder.learn_nonce()
    private = holder.key.as_dict(private=True)
    stranger = ECKey.generate_key("P-256").as_dict(private=False)
    good = holder.proof("/token")
    head, payload, signature = good.split(".")
    faults = [
        holder.proof("/token", header={"typ": "JWT"}),
        holder.proof("/token", header={"typ": None}),
        holder.proof("/token", header={"jwk": private}),
        holder.proof("/token", header={"jwk": stranger}),
        holder.proof("/token", header={"jwk": None}),
        holder.proof("/token", htm="GET"),
        holder.proof("/token", htm=None),
        holder.proof("/token", htu=flow.world.issuer + "/par"),
        holder.proof("/token", htu="https://auth.localhost:8444/token"),
        holder.proof("/token", htu=None),
        holder.proof("/token", iat=now_s() - 65),
        holder.proof("/token", iat=now_s() + 65),
        holder.proof("/token", iat=None),
        holder.proof("/token", jti=None),
        holder.proof("/token", jti="j" * 257),
        f"{head}.{payload}.{signature[:-4]}AAAA",
        "not a proof",
    ]
    for fault in faults:
        refused(await holder.send("/token", holder.credentials_form(), fault), INVALID)
    twice = await holder.send("/token", holder.credentials_form(), good, holder.proof("/token"))
    refused(twice, INVALID)
    foreign = holder.proof("/token", nonce="bm90IG91cnM")
    refused(await holder.send("/token", holder.credentials_form(), foreign), "use_dpop_nonce")
    assert (await holder.send("/token", holder.credentials_form(), good)).status_code == 200
    refused(await holder.send("/token", holder.credentials_form(), good), INVALID)  # replayed
    spelt = holder.proof("/token", htu="HTTPS://AUTH.localhost:8443/%74oken?a=b#c")
    assert (await holder.send("/token", holder.credentials_form(), spelt)).status_code == 200
    weak = [(RSAKey.generate_key(2048), "RS256"), (ECKey.generate_key("P-384"), "ES384")]
    for key, algorithm in weak:
        other = Holder(flow, key, algorithm, holder.nonce)
        sent = await other.send("/token", other.credentials_form(), other.proof("/token"))
        refused(sent, INVALID)
    strong = [(RSAKey.generate_key(2048), "PS256"), (OKPKey.generate_key("Ed25519"), "EdDSA")]
    for key, algorithm in strong:
        other = Holder(flow, key, algorithm, holder.nonce)
        sent = await other.send("/token", other.credentials_form(), other.proof("/token"))
        assert claims_of(sent.json()["access_token"])["cnf"] == {"jkt": other.thumbprint}
