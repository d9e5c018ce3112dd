"""Tokens: what is one of ours, and how many are remembered."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from gateway_support import KEY, b64, claims, jwk, sign
from immutables import Map

from weir.gateway.config.snapshot import SigningKey
from weir.gateway.tokens.known_tokens import TokenMemory
from weir.gateway.tokens.verifier import TokenVerifier
from weir.kernel.outcomes import Refusal

NOW = time.time()
BORN = {"iat": int(NOW), "exp": int(NOW) + 300}  # however long the other tests take
OTHER = ec.generate_private_key(ec.SECP256R1())
KEYS: Map[str, SigningKey] = Map(key_1=SigningKey(KEY.public_key(), "ES256", float("inf")))
VERIFIER = TokenVerifier("https://auth.localhost", "https://api.localhost")
GOOD = sign(claims())


def header(**changed: Any) -> dict[str, Any]:
    whole = {"alg": "ES256", "kid": "key_1", "typ": "at+jwt"} | changed
    return {name: value for name, value in whole.items() if value is not None}


def unsigned(alg: str) -> str:
    head = b64(json.dumps(header(alg=alg)).encode())
    return f"{head}.{b64(json.dumps(claims()).encode())}.{'A' * 86}"


INVALID = {
    "empty": "",
    "no JWS": "abc",
    "two parts": ".".join(GOOD.split(".")[:2]),
    "four parts": GOOD + ".x",
    "padding": GOOD + "=",
    "no algorithm": unsigned("none"),
    "HMAC": unsigned("HS256"),
    "RSA": unsigned("RS256"),
    "another algorithm in the header": sign(claims(), header(alg="ES384")),
    "an unknown key": sign(claims(), header(kid="key_2")),
    "no key id": sign(claims(), header(kid=None)),
    "another type": sign(claims(), header(typ="JWT")),
    "no type": sign(claims(), header(typ=None)),
    "a critical extension": sign(claims(), header(crit=["b64"], b64=False)),
    "its own key": sign(claims(), header(jwk=jwk(OTHER)), OTHER),
    "a key by address": sign(claims(), header(jku="https://evil.example")),
    "another key's signature": sign(claims(), None, OTHER),
    "an altered payload": GOOD.replace(
        GOOD.split(".")[1], b64(json.dumps(claims()).encode())[::-1]
    ),
    "another issuer": sign(claims(iss="https://evil.example")),
    "another audience": sign(claims(aud=["https://manage.localhost"])),
    "an audience that only begins so": sign(claims(aud="https://api.localhost.evil")),
    "no audience": sign(claims(aud=None)),
    "no client": sign(claims(client_id=None)),
    "an empty client": sign(claims(client_id="")),
    "no expiry": sign(claims(exp=None)),
    "an expiry in words": sign(claims(exp="2999")),
    "no confirmation": sign(claims(cnf=None)),
    "a confirmation by nothing known": sign(claims(cnf={"kid": "x"})),
    "two confirmations": sign(claims(cnf={"jkt": "x", "x5t#S256": "y"})),
    "issued in the future": sign(claims(iat=int(NOW) + 60)),
    "not valid yet": sign(claims(nbf=int(NOW) + 60)),
    "no jti": sign(claims(jti=None)),
    "a consent without a name in records": sign(claims(grant_id="cns_1")),
    "a grant without its accounts": sign(
        claims(authorization_details=[{"type": "urn:weir:account-access:v1", "member": "x"}])
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_not_a_token_of_ours_is_invalid(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        VERIFIER.verify(INVALID[name].encode(), KEYS, NOW)
    assert refused.value.outcome.code == "token_invalid"


@pytest.mark.parametrize(
    "token",
    [
        GOOD,
        sign(claims(aud="https://api.localhost")),
        sign(claims(), header(typ="application/at+jwt")),
        sign(claims(iat=int(NOW) + 8, nbf=int(NOW) + 8)),
    ],
)
def test_a_token_of_ours_is_known(token: str) -> None:
    known = VERIFIER.verify(token.encode(), KEYS, NOW)
    assert (known.client_id, known.token_key) == ("app_shop", "token:tok_1")


def test_a_token_signed_after_its_key_ended_is_invalid() -> None:
    ended = Map(key_1=SigningKey(KEY.public_key(), "ES256", NOW - 3_600))
    with pytest.raises(Refusal) as refused:
        VERIFIER.verify(GOOD.encode(), ended, NOW)
    assert refused.value.outcome.code == "token_invalid"


def test_an_expired_token_says_so_and_so_does_a_remembered_one() -> None:
    memory = TokenMemory(VERIFIER)
    raw = GOOD.encode()
    assert memory.find_or_verify(raw, KEYS, NOW) is memory.find_or_verify(raw, KEYS, NOW)
    for later in (NOW + 86_401, NOW + 86_401):
        with pytest.raises(Refusal) as refused:
            memory.find_or_verify(raw, KEYS, later)
        assert refused.value.outcome.code == "token_expired"
    assert len(memory) == 0


def test_a_withdrawn_key_voids_the_tokens_it_signed() -> None:
    memory = TokenMemory(VERIFIER)
    memory.find_or_verify(GOOD.encode(), KEYS, NOW)
    with pytest.raises(Refusal) as refused:
        memory.find_or_verify(GOOD.encode(), Map(), NOW)
    assert refused.value.outcome.code == "token_invalid"


def test_memory_is_bounded_and_keeps_what_is_used() -> None:
    memory = TokenMemory(VERIFIER, capacity=8)
    used = sign(claims(jti="used", **BORN)).encode()
    first = memory.find_or_verify(used, KEYS, NOW)
    for number in range(40):
        memory.find_or_verify(sign(claims(jti=f"tok_{number}", **BORN)).encode(), KEYS, NOW)
        assert memory.find_or_verify(used, KEYS, NOW) is first
        assert len(memory) <= 8
