"""JSON that two parsers could read differently is not read at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.strict_json import canonical, loads

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_canonical_text_reads_back_as_the_same_value(value: object) -> None:
    assert loads(canonical(value)) == value


@given(st.dictionaries(text, values, min_size=2))
def test_the_order_of_names_does_not_change_canonical_text(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical(turned) == canonical(value)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_as_the_library_reads_them_or_refused(raw: bytes) -> None:
    try:
        value = loads(raw)
    except ValueError:
        return
    assert value == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"amount": 1, "amount": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b"[NaN]",
        b"[Infinity]",
        b'"\\ud800"',
        b"\xff\xfe",
        b'"a\\u0000"',
        b'{"a\\u0000": 1}',
        b'[{"a": ["b", "\\u0000"]}]',
        b"[" * 40 + b"]" * 40,
        b"[" * 100_000,
        b"{",
        b"",
        b'"' + b"a" * 2_000_000 + b'"',
    ],
)
def test_ambiguous_or_unbounded_text_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(raw)


def test_the_letters_of_an_escape_are_no_escape() -> None:
    assert loads(rb'["\\u0000", "u0000"]') == ["\\u0000", "u0000"]
