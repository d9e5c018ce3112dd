"""Identifiers sort by birth, say what they name, and have one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.identifiers import is_identifier, is_slug, mint
from weir.kernel.rooms import prefixes

moments = st.integers(0, (1 << 48) - 1)
entropy = st.binary(min_size=10, max_size=10)


@given(moments, moments, entropy, entropy)
def test_an_earlier_identifier_sorts_first(one: int, two: int, a: bytes, b: bytes) -> None:
    if one != two:
        first, second = sorted((one, two))
        assert mint("app", first, a) < mint("app", second, b)


@given(st.sampled_from(sorted(prefixes())), moments, entropy)
def test_what_is_minted_is_an_identifier_of_its_prefix_only(
    prefix: str, at: int, random: bytes
) -> None:
    minted = mint(prefix, at, random)
    assert is_identifier(minted, prefix)
    assert not is_identifier(minted, "app" if prefix != "app" else "org")


@pytest.mark.parametrize("text", ["app_", "app_" + "u" * 26, "APP_" + "0" * 26, "app_" + "0" * 27])
def test_other_text_is_no_identifier(text: str) -> None:
    assert not is_identifier(text, "app")


@pytest.mark.parametrize("text", ["river-bank", "a", "a1", "x" * 48])
def test_a_readable_name_is_a_slug(text: str) -> None:
    assert is_slug(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "1a", "A", "a_b", "a.b", "x" * 49, "a\n", "河"])
def test_other_text_is_no_slug(text: str) -> None:
    assert not is_slug(text)
