"""Nonces for DPoP proofs, and how addresses in proofs are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.authorization.declares import DPOP_NONCE_LIFETIME_S
from weir.authorization.grammar import nonces
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S
from weir.keys.dpop import normalise_url

SECRET, NOW_S = bytes(32), 1_900_000_000.0


@given(st.integers(-CLOCK_AHEAD_ACCEPTED_S, DPOP_NONCE_LIFETIME_S))
def test_a_nonce_is_good_for_its_time_and_for_its_secret_only(age_s: int) -> None:
    nonce = nonces.make(SECRET, NOW_S - age_s)
    assert nonces.is_good(SECRET, nonce, NOW_S)
    assert not nonces.is_good(b"x" * 32, nonce, NOW_S)
    assert not nonces.is_good(SECRET, nonce, NOW_S - age_s + DPOP_NONCE_LIFETIME_S + 1)


@given(st.text(max_size=60))
def test_nobody_else_makes_a_nonce(text: str) -> None:
    assert not nonces.is_good(SECRET, text, NOW_S)


@pytest.mark.parametrize(
    "spelt",
    [
        "https://api.example/a/b",
        "HTTPS://API.Example/a/b",
        "https://api.example:443/a/b?c=d#e",
        "https://api.example/%61/b",
    ],
)
def test_one_address_has_one_spelling(spelt: str) -> None:
    assert normalise_url(spelt) == "https://api.example/a/b"


@pytest.mark.parametrize(
    "other",
    [
        "http://api.example/a/b",
        "https://api.example:8443/a/b",
        "https://api.example/a/b/",
        "https://api.example/a%2Fb",
        "https://api.example/A/b",
        "https://api.example.evil/a/b",
    ],
)
def test_other_addresses_stay_other(other: str) -> None:
    assert normalise_url(other) != "https://api.example/a/b"


@pytest.mark.parametrize("wrong", ["/a/b", "https://user@api.example/", "https://a:99999/", ""])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        normalise_url(wrong)
