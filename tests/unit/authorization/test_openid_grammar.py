"""The `claims` parameter: whatever is sent is read or refused, and only known names are told."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.authorization.grammar import openid
from weir.authorization.grammar.openid import OpenIdRequest
from weir.kernel.outcomes import Refusal

SCOPE = frozenset({"openid"})
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id_token", "userinfo", "name", "sub", "acr", "value", "essential"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_refused(claims: Any) -> None:
    """Any other exception would be a fault of ours, and fails this."""
    with suppress(Refusal):
        read = openid.read({"claims": json.dumps(claims)}, SCOPE)
        assert read is not None
        assert read.names <= set(openid.IDENTITY_CLAIMS)


def test_without_the_scope_there_is_nothing_to_read() -> None:
    assert openid.read({"nonce": "n"}, frozenset({"river-bank.accounts"})) is None


@pytest.mark.parametrize(
    ("acr", "unattainable"),
    [
        (None, False),
        ({"essential": True}, False),
        ({"essential": True, "value": openid.ACR_PASSPHRASE}, False),
        ({"essential": True, "values": ["urn:other", openid.ACR_PASSPHRASE]}, False),
        ({"essential": True, "values": ["urn:other"]}, True),
        ({"essential": True, "value": "urn:other"}, True),
        ({"values": ["urn:other"]}, False),
    ],
)
def test_an_essential_class_nobody_has_cannot_be_met(acr: Any, unattainable: bool) -> None:
    for place in ("id_token", "userinfo"):
        read = openid.read({"claims": json.dumps({place: {"acr": acr}})}, SCOPE)
        assert read is not None
        assert read.unattainable is unattainable


def test_a_sign_in_counts_from_the_visits_beginning() -> None:
    begun = datetime(2027, 1, 1, tzinfo=UTC)
    for max_age_s, age_s, enough in ((None, 9_999, True), (60, 60, True), (60, 61, False)):
        request = OpenIdRequest(max_age_s=max_age_s)
        assert request.accepts(begun - timedelta(seconds=age_s), begun) is enough
    anew = OpenIdRequest(max_age_s=0)
    assert not anew.accepts(begun - timedelta(seconds=1), begun)
    assert anew.accepts(begun + timedelta(seconds=5), begun)
