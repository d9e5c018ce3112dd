"""Only public keys that are strong enough are registered, and nothing else of what was sent."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.keys.declares import RSA_BITS_MAX
from weir.partners.declares import APPLICATION_KEYS
from weir.partners.keys import public_jwks


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def whole(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def ec_key(kid: str = "e") -> dict[str, Any]:
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = (b64(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y}


def ed_key(kid: str = "d") -> dict[str, Any]:
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(raw)}


RSA_NUMBERS = rsa.generate_private_key(65_537, 2_048).public_key().public_numbers()


def rsa_key(kid: str = "r") -> dict[str, Any]:
    return {"kty": "RSA", "kid": kid, "n": whole(RSA_NUMBERS.n), "e": whole(RSA_NUMBERS.e)}


def pointer_of(keys: Any) -> str:
    with pytest.raises(Refusal) as refused:
        public_jwks(keys, "/jwks")
    assert refused.value.outcome is INVALID_INPUT
    assert refused.value.public["why_zh"]
    return str(refused.value.public["pointer"])


def test_the_three_kinds_of_key_are_taken_and_reduced_to_what_we_know() -> None:
    sent = [ec_key() | {"alg": "ES256", "x5c": ["MII"], "note": "hello"}, ed_key(), rsa_key()]
    taken = public_jwks({"keys": sent, "more": 1}, "/jwks")
    assert list(taken) == ["keys"]
    assert [set(key) for key in taken["keys"]] == [
        {"kty", "crv", "kid", "x", "y", "use", "alg"},
        {"kty", "crv", "kid", "x", "use"},
        {"kty", "kid", "n", "e", "use"},
    ]


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_private_member_refuses_the_key(member: str) -> None:
    for key in (ec_key(), ed_key(), rsa_key()):
        assert pointer_of({"keys": [key | {member: "AAAA"}]}) == "/jwks/keys/0"


@pytest.mark.parametrize("member", ["x5u", "jku"])
def test_a_key_that_points_elsewhere_is_refused(member: str) -> None:
    assert pointer_of({"keys": [ec_key() | {member: "https://x.example"}]}) == "/jwks/keys/0"


def test_a_kid_is_there_and_unique() -> None:
    assert pointer_of({"keys": [ec_key("a"), ed_key("a")]}) == "/jwks/keys"
    for kid in (None, "", "a b", "x" * 129, 7):
        assert pointer_of({"keys": [ec_key() | {"kid": kid}]}) == "/jwks/keys/0/kid"


def test_keys_of_other_kinds_and_for_other_uses_are_refused() -> None:
    others = [
        ec_key() | {"crv": "P-384"},
        ec_key() | {"use": "enc"},
        {"kty": "oct", "kid": "k"},
        ed_key() | {"crv": "X25519"},
        {"kid": "none"},
        ec_key() | {"kty": ["EC"]},
    ]
    for key in others:
        assert pointer_of({"keys": [key]}).startswith("/jwks/keys/0")


def test_an_algorithm_the_key_cannot_sign_with_is_refused() -> None:
    for key, alg in ((ec_key(), "RS256"), (rsa_key(), "RS256"), (ed_key(), "ES256")):
        assert pointer_of({"keys": [key | {"alg": alg}]}) == "/jwks/keys/0/alg"


def test_weak_and_broken_keys_are_refused() -> None:
    short = rsa.generate_private_key(65_537, 1_024).public_key().public_numbers().n
    broken = [
        rsa_key() | {"n": whole(short)},
        rsa_key() | {"e": whole(3)},
        rsa_key() | {"n": whole(RSA_NUMBERS.n + 1)},
        rsa_key() | {"n": whole(1 << RSA_BITS_MAX)},
        ec_key() | {"y": b64(bytes(31) + b"\x01")},
        ec_key() | {"x": b64(b"\x01")},
        ed_key() | {"x": b64(bytes(31))},
    ]
    for key in broken:
        assert pointer_of({"keys": [key]}) == "/jwks/keys/0"


@given(st.one_of(st.none(), st.text(), st.integers(), st.binary().map(lambda raw: b64(raw) + "=")))
def test_a_number_that_is_not_base64url_in_its_one_spelling_is_refused(value: Any) -> None:
    key = {"kty": "OKP", "crv": "Ed25519", "kid": "d", "x": value}
    assert pointer_of({"keys": [key]}) in ("/jwks/keys/0/x", "/jwks/keys/0")


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists, max_leaves=5))
def test_what_is_no_key_set_is_refused(value: Any) -> None:
    assert pointer_of(value) == "/jwks/keys"
    assert pointer_of({"keys": [value]}).startswith("/jwks/keys/0")


def test_too_many_keys_are_refused() -> None:
    key = ec_key()
    keys = [key | {"kid": str(number)} for number in range(APPLICATION_KEYS + 1)]
    assert pointer_of({"keys": keys}) == "/jwks/keys"
