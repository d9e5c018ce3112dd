"""Client assertions: what is read before a signature, what is judged after it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from weir.authorization.clients.assertions import claims_of, judge, subject_of
from weir.authorization.declares import CLIENT_ASSERTION_LIFETIME_S, OAUTH_INVALID_CLIENT
from weir.kernel.outcomes import Refusal

ISSUER = "https://auth.localhost:8443"
NOW_S = 1_800_000_000.0
KEY = ECKey.generate_key("P-256")
PUBLIC = {**KEY.as_dict(private=False), "kid": "one"}
CLAIMS: dict[str, Any] = {
    "iss": "app_1",
    "sub": "app_1",
    "aud": ISSUER,
    "exp": NOW_S + 60,
    "iat": NOW_S,
    "jti": "j",
}


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: dict[str, Any], key: Any = KEY) -> str:
    return jwt.encode(header, CLAIMS, key, algorithms=["ES256", "HS256"])


def test_a_signature_by_a_registered_key_verifies() -> None:
    for header in ({"alg": "ES256", "kid": "one"}, {"alg": "ES256"}):
        assert claims_of(signed(header), {"keys": [PUBLIC]}) == CLAIMS


def test_two_keys_of_one_name_are_both_tried() -> None:
    other = {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "one"}
    token = signed({"alg": "ES256", "kid": "one"})
    assert claims_of(token, {"keys": [other, PUBLIC]}) == CLAIMS


def test_a_public_key_is_never_taken_for_a_shared_secret() -> None:
    confused = OctKey.import_key(json.dumps(PUBLIC))
    with pytest.raises(Refusal):
        claims_of(signed({"alg": "HS256", "kid": "one"}, confused), {"keys": [PUBLIC]})


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "RS256"},
        {"alg": "ES256", "crit": ["b64"], "b64": False},
        {"alg": "ES256", "jwk": PUBLIC},
        {"alg": "ES256", "x5c": ["x"]},
        {"alg": "ES256", "kid": "two"},
        {"alg": ["ES256"]},
    ],
)
def test_headers_that_bring_something_of_their_own_are_refused(header: dict[str, Any]) -> None:
    _, claims, signature = signed({"alg": "ES256"}).split(".")
    with pytest.raises(Refusal) as refused:
        claims_of(f"{segment(header)}.{claims}.{signature}", {"keys": [PUBLIC]})
    assert refused.value.outcome is OAUTH_INVALID_CLIENT


def test_a_claim_given_twice_is_refused() -> None:
    raw = b'{"sub":"app_1","sub":"app_2"}'
    assert subject_of(f"{segment({'alg': 'ES256'})}.{segment(raw)}.x") is None


@given(st.text(max_size=100))
def test_no_text_does_more_than_name_nobody(text: str) -> None:
    assert subject_of(text) is None or text.count(".") == 2


def test_the_earliest_birth_of_a_proof_without_iat_is_what_counts() -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != "iat"}
    proof = judge(claims, "app_1", ISSUER, NOW_S)
    assert proof.issued_at_s == CLAIMS["exp"] - CLIENT_ASSERTION_LIFETIME_S


@pytest.mark.parametrize(
    "change",
    [
        {"aud": [ISSUER]},
        {"aud": ISSUER + "/token"},
        {"exp": NOW_S},
        {"exp": NOW_S + 311},
        {"exp": True},
        {"exp": "1800000060"},
        {"exp": float("inf")},
        {"iat": NOW_S + 11},
        {"nbf": NOW_S + 11},
        {"jti": 7},
        {"sub": None},
    ],
)
def test_each_claim_is_judged_by_itself(change: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        judge(CLAIMS | change, "app_1", ISSUER, NOW_S)
    judge(CLAIMS | {"iat": NOW_S + 10, "nbf": NOW_S + 10}, "app_1", ISSUER, NOW_S)
