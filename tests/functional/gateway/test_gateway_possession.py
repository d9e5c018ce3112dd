"""Calls with tokens that are bound to a DPoP key (RFC 9449 section 7), through real processes."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest
from gateway_lab import GatewayProcess, Lab
from joserfc import jws
from joserfc.jwk import ECKey
from raw_caller import Answer, Caller


@dataclass
class Holder:
    """A key, and calls that show it."""

    lab: Lab
    caller: Caller
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))

    async def token(self, **changed: Any) -> str:
        return await self.lab.token(**({"cnf": {"jkt": str(self.key.thumbprint())}} | changed))

    def proof(self, token: str, method: str = "GET", path: str = "/rates", **changed: Any) -> str:
        digest = base64.urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=")
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": f"https://api.localhost{self.lab.prefix}{path}",
            "iat": int(time.time()),
            "ath": digest.decode(),
        } | changed
        kept = {name: value for name, value in claims.items() if value is not None}
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        return jws.serialize_compact(header, json.dumps(kept).encode(), self.key)

    async def call(
        self, token: str, proof: str | None, scheme: str = "DPoP", path: str = "/rates"
    ) -> Answer:
        headers = {"authorization": f"{scheme} {token}"} | ({"dpop": proof} if proof else {})
        return await self.caller.call("GET", self.lab.prefix + path, headers)


@pytest.fixture
async def holder(lab: Lab, gateway: GatewayProcess) -> AsyncIterator[Holder]:
    """On the public port, where nobody has a certificate."""
    caller = await Caller.connect(gateway.public_port, lab.tls(None))
    yield Holder(lab, caller)
    await caller.close()


async def test_a_proof_opens_what_a_certificate_would(lab: Lab, holder: Holder) -> None:
    token = await holder.token()
    answer = await holder.call(token, holder.proof(token), path="/rates?day=1")
    assert answer.status == 200
    seen = lab.member.seen[-1]
    assert not {"authorization", "dpop"} & seen.headers.keys()
    record = lab.record_of(answer.headers["x-fapi-interaction-id"])
    assert (record.application, record.status) == ("app_shop", 200)


async def test_a_proof_counts_once_in_all_processes(lab: Lab, holder: Holder) -> None:
    token = await holder.token()
    proof = holder.proof(token)
    assert (await holder.call(token, proof)).status == 200
    assert (await holder.call(token, proof)).code == "dpop_proof_invalid"
    other = await lab.start_gateway()
    caller = await Caller.connect(other.public_port, lab.tls(None))
    there = Holder(lab, caller, holder.key)
    assert (await there.call(token, proof)).code == "dpop_proof_invalid"
    assert (await there.call(token, there.proof(token))).status == 200
    await caller.close()
    other.stop()


async def test_a_proof_is_for_one_call_with_one_token(holder: Holder) -> None:
    token = await holder.token()
    now_s = int(time.time())
    faults: list[dict[str, Any]] = [
        {"ath": None},
        {"ath": "A" * 43},
        {"htm": "POST"},
        {"htu": "https://api.localhost/elsewhere"},
        {"htu": f"https://other.localhost{holder.lab.prefix}/rates"},
        {"iat": now_s - 65},
        {"iat": now_s + 65},
        {"jti": None},
    ]
    proofs = [holder.proof(token, **fault) for fault in faults]
    proofs += [None, "x.y.z", Holder(holder.lab, holder.caller).proof(token)]
    for proof in proofs:
        answer = await holder.call(token, proof)
        assert (answer.status, answer.code) == (401, "dpop_proof_invalid")
        challenge = answer.headers["www-authenticate"]
        assert challenge.startswith('DPoP error="invalid_dpop_proof", algs="ES256 PS256')


async def test_a_token_is_used_under_the_scheme_of_its_own_constraint(
    lab: Lab, holder: Holder, caller: Caller
) -> None:
    bound_to_key, bound_to_certificate = await holder.token(), await lab.token()
    proof = holder.proof(bound_to_key)
    assert (await holder.call(bound_to_key, proof, "Bearer")).code == "token_scheme_wrong"
    with_certificate = Holder(lab, caller, holder.key)
    answer = await with_certificate.call(bound_to_key, proof, "Bearer")
    assert answer.code == "token_scheme_wrong"
    proof = with_certificate.proof(bound_to_certificate)
    answer = await with_certificate.call(bound_to_certificate, proof)
    assert answer.code == "token_scheme_wrong"


async def test_two_constraints_or_none_make_no_token(lab: Lab, holder: Holder) -> None:
    both = {"jkt": str(holder.key.thumbprint()), "x5t#S256": lab.identities["app_shop"].thumbprint}
    for confirmation in (both, {}, {"jkt": both["jkt"], "kid": "another"}):
        token = await holder.token(cnf=confirmation)
        assert (await holder.call(token, holder.proof(token))).code == "token_invalid"


async def test_a_suspended_application_has_no_use_of_its_key(lab: Lab, holder: Holder) -> None:
    await lab.add_application("app_halted", "suspended")
    token = await holder.token(client_id="app_halted")
    assert (await holder.call(token, holder.proof(token))).code == "application_suspended"


async def test_a_body_waits_until_the_proof_is_taken(lab: Lab, holder: Holder) -> None:
    token = await holder.token()
    fields = {"authorization": f"DPoP {token}", "dpop": holder.proof(token, "POST", "/echo")}
    body = b"x" * 200_000
    answer = await holder.caller.call("POST", lab.prefix + "/echo", fields, body)
    assert answer.status == 200
    assert lab.member.seen[-1].body_bytes == len(body)
    again = await holder.caller.call("POST", lab.prefix + "/echo", fields, body)
    assert again.code == "dpop_proof_invalid"


async def test_two_proofs_are_one_too_many(lab: Lab, holder: Holder) -> None:
    token = await holder.token()
    lines = [f"GET {lab.prefix}/rates HTTP/1.1", "host: api.localhost"]
    lines += [f"authorization: DPoP {token}"]
    lines += [f"dpop: {holder.proof(token)}" for _ in range(2)]
    await holder.caller.send("\r\n".join([*lines, "", ""]).encode())
    assert (await holder.caller.read()).code == "dpop_proof_invalid"
