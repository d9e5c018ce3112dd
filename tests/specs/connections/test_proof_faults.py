"""DPoP proofs at the token endpoint; at a resource the conformance suite tries them itself."""

from __future__ import annotations

from fapi_support import Flow, now_s, refused
from joserfc.jwk import ECKey, OKPKey, RSAKey
from possession_support import Holder, claims_of

INVALID = "invalid_dpop_proof"


async def test_each_fault_of_a_proof_alone_is_refused_and_mended_it_is_not(flow: Flow) -> None:
    """RFC 9449 section 4.3."""
    holder = Holder(flow)
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
