"""Signatures of the platform's own keys, and which key signs at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import import_key

from weir.authorization.declares import ID_TOKEN_LIFETIME_S, RESPONSE_JWT_LIFETIME_S
from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S
from weir.keys import algorithms, jose, private_keys
from weir.keys.declares import SIGNED_LIFETIME_S
from weir.keys.signing_keys import SigningKey, announced_of, current_of

NOW = datetime(2027, 3, 1, tzinfo=UTC)
KEYS = {each: private_keys.generate(each) for each in private_keys.SIGNING_ALGORITHMS}


@pytest.mark.parametrize("algorithm", private_keys.SIGNING_ALGORITHMS)
def test_a_signature_is_what_another_library_takes_and_we_take_it_too(algorithm: str) -> None:
    key = private_keys.from_der(private_keys.to_der(KEYS[algorithm]))
    jwk = private_keys.public_jwk(key, "one", algorithm)
    head = private_keys.b64url(b'{"alg":"%s"}' % algorithm.encode())
    signed = f"{head}.{private_keys.b64url(b'{}')}"
    signature = private_keys.sign(key, signed.encode())
    token = f"{signed}.{private_keys.b64url(signature)}"
    jws.deserialize_compact(token, import_key(jwk), algorithms=[algorithm])
    public = private_keys.public_key(jwk, algorithm)
    private_keys.verify(public, signed.encode(), signature)
    with pytest.raises((InvalidSignature, ValueError)):
        private_keys.verify(public, signed.encode() + b"x", signature)
    with pytest.raises((InvalidSignature, ValueError)):
        private_keys.verify(public, signed.encode(), signature[:-1])
    assert not {"d", "p", "q"} & jwk.keys()


def test_a_key_verifies_under_its_own_algorithm_and_no_other() -> None:
    for mine, key in KEYS.items():
        jwk = private_keys.public_jwk(key, "one", mine)
        for other in (*private_keys.SIGNING_ALGORITHMS, "RS256", "HS256", "none"):
            if other != mine:
                with pytest.raises(ValueError, match="does not fit"):
                    private_keys.public_key(jwk, other)


@pytest.mark.parametrize("broken", ["", "A" * 42, "A" * 44, "+" * 43, None, 7])
def test_a_broken_coordinate_is_no_key(broken: Any) -> None:
    jwk = private_keys.public_jwk(KEYS["ES256"], "one", "ES256") | {"x": broken}
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
        private_keys.public_key(jwk, "ES256")


def test_nothing_we_sign_lives_longer_than_a_superseded_key_is_kept() -> None:
    lives = (
        ACCESS_TOKEN_LIFETIME_S,
        ID_TOKEN_LIFETIME_S,
        RESPONSE_JWT_LIFETIME_S,
    )
    assert max(lives) <= SIGNED_LIFETIME_S


def row(number: int, **times: datetime | None) -> SigningKey:
    whole: dict[str, Any] = {
        "announced_at": NOW,
        "signs_from": NOW,
        "activated_at": None,
        "superseded_at": None,
        "retired_at": None,
        "revoked_at": None,
    }
    return SigningKey(
        kid=f"key_{number}",
        purpose="access_token",
        public={"alg": "ES256"},
        sealed_private=b"",
        **(whole | times),
    )


MOMENTS = st.none() | st.integers(0, 5).map(lambda days: NOW + timedelta(days=days))


@given(st.lists(st.tuples(MOMENTS, MOMENTS, MOMENTS), max_size=6))
def test_what_signs_was_activated_last_and_counts(times: list[tuple[Any, Any, Any]]) -> None:
    rows = [
        row(n, activated_at=activated, retired_at=retired, revoked_at=revoked)
        for n, (activated, retired, revoked) in enumerate(times)
    ]
    current, announced = current_of(rows), announced_of(rows)
    able = [each for each in rows if each.counts and each.activated_at]
    assert (current is None) == (not able)
    if current is not None:
        assert current in able
        assert all(each.activated_at <= current.activated_at for each in able)  # type: ignore[operator]
    if announced is not None:
        assert announced.counts
        assert announced.state == "announced"


def test_an_ending_takes_hold_at_its_moment_and_earlier_for_who_rehearses() -> None:
    endings = {"PS256": NOW}
    before, after = NOW - timedelta(seconds=1), NOW
    assert algorithms.accepted_algorithms({}, NOW) == jose.ALGORITHMS
    assert "PS256" in algorithms.accepted_algorithms(endings, before)
    assert "PS256" not in algorithms.accepted_algorithms(endings, after)
    assert "PS256" not in algorithms.accepted_algorithms(endings, before, rehearsing=True)
