"""Reading: refusals first, each with its place; then what each notation means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openapi_documents import told

from weir.kernel.outcomes import Refusal
from weir.openapi.declares import (
    DOCUMENT_BYTES,
    DOCUMENT_DEPTH,
    DOCUMENT_NAME_CHARACTERS,
    DOCUMENT_NODES,
)
from weir.openapi.reader import read_document

DEEP = DOCUMENT_DEPTH
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{now}: &{now} [{', '.join(['*' + before] * 10)}]\n"
    for before, now in zip("abcdefgh", "bcdefghi", strict=True)
)

REFUSED: list[tuple[str, bytes, str, str, str]] = [
    ("not UTF-8", b"a: b\nc: \xff", "document_unreadable", "line 2 column 4", "UTF-8"),
    ("empty", b"", "document_unreadable", "line 1 column 1", "empty"),
    ("only a comment", b"# nothing\n", "document_unreadable", "line 1 column 1", "empty"),
    ("JSON cut short", b'{"a":\n {"b": 1', "document_unreadable", "line 2 column 9", "not JSON"),
    ("JSON with more behind", b"{} {}", "document_unreadable", "line 1 column 4", "not JSON"),
    ("JSON that is a list", b"[1]", "document_invalid", "", "must be an object"),
    ("JSON repeating a name", b'{"a": [{"b": 1, "b": 1}]}', "document_invalid", "/a/0", '"b"'),
    ("JSON NaN", b'{"a": NaN}', "document_invalid", "/a", "NaN is not a number"),
    ("JSON minus infinity", b'{"a": [-Infinity]}', "document_invalid", "/a/0", "-Infinity"),
    ("JSON overflowing", b'{"a": {"~": 1e999}}', "document_invalid", "/a/~0", "too large"),
    ("JSON of many digits", b'{"a": %s}' % (b"9" * 5000), "document_invalid", "/a", "too large"),
    ("JSON half surrogate", rb'{"a/b": "\ud800"}', "document_invalid", "/a~1b", "surrogate"),
    ("JSON half in a name", rb'{"a": {"\udfff": 1}}', "document_invalid", "/a", "surrogate"),
    ("JSON U+0000", rb'{"a": "\u0000"}', "document_invalid", "/a", "U+0000"),
    ("JSON too deep", b'{"a":' + b"[" * DEEP, "document_too_large", "line 1 column 205", "deeper"),
    ("JSON far too deep", b"[" * 1_000_000, "document_too_large", "line 1 column 201", "deeper"),
    ("JSON brackets in text", b'{"' + b"[" * 9_999, "document_unreadable", "line 1 column 2", ""),
    ("long name", b'{"%s": 1}' % (b"n" * 1025), "document_invalid", "", "1024 characters"),
    ("too many bytes", b" " * (DOCUMENT_BYTES + 1), "document_too_large", "", "bytes"),
    ("YAML scalar", b"just text", "document_invalid", "", "must be an object"),
    ("YAML list", b"- a", "document_invalid", "", "must be an object"),
    ("YAML broken", b"a: b\n c: d", "document_unreadable", "line 2 column 3", "not YAML"),
    ("YAML control", b"a: \x07", "document_unreadable", "line 1 column 1", "not YAML"),
    ("YAML repeating", b"a:\n  - b: 1\n    b: 2", "document_invalid", "/a/0", '"b"'),
    ("YAML 200 and '200'", b"a: {200: x, '200': y}", "document_invalid", "/a", '"200"'),
    ("YAML tag", b"a: !!int '5'", "document_unreadable", "line 1 column 4", "tag"),
    ("YAML object tag", b"a: !!python/none x", "document_unreadable", "line 1 column 4", "tag"),
    ("YAML bare tag", b"a: ! x", "document_unreadable", "line 1 column 4", "tag"),
    ("YAML two documents", b"a: 1\n---\nb: 2", "document_unreadable", "line 2 column 1", "more"),
    ("YAML list as name", b"? [a]\n: b", "document_unreadable", "line 1 column 3", "name"),
    ("YAML number by alias as name", b"a: &n 1\n*n : b", "document_unreadable", "line 2", "name"),
    ("YAML unknown alias", b"a: *b", "document_unreadable", "line 1 column 4", "alias"),
    ("YAML inside itself", b"a: &a\n  b: *a", "document_unreadable", "line 2 column 6", "alias"),
    ("YAML inside itself renamed", b"a: &a 1\nb: &a [*a]", "document_unreadable", "line 2", ""),
    ("YAML laughs", LAUGHS.encode(), "document_too_large", "line 6", "aliases expanded"),
    ("YAML overflowing", b"a: 1e999", "document_invalid", "/a", "too large"),
    ("YAML U+0000", rb'a: "\0"', "document_invalid", "/a", "U+0000"),
    ("YAML too deep", b"a: " + b"[" * DEEP, "document_too_large", "line 1 column 203", "deeper"),
    ("YAML merging text", b"a: {<<: x}", "document_unreadable", "line 1 column 9", "objects"),
    ("YAML merging nothing", b"a: {<<: []}", "document_unreadable", "line 1 column 10", "objects"),
    ("YAML merging twice", b"a: {<<: {b: 1}, <<: {c: 1}}", "document_invalid", "/a", '"<<"'),
]


@pytest.mark.parametrize(
    ("raw", "code", "pointer", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_text_is_refused_with_its_place_and_a_reason(
    raw: bytes, code: str, pointer: str, why: str
) -> None:
    with pytest.raises(Refusal) as caught:
        read_document(raw)
    assert told(caught.value)[0] == code
    shown = told(caught.value)[1]
    assert shown.startswith(pointer) if pointer.startswith("line") else shown == pointer
    assert why in told(caught.value)[2]


def test_aliases_of_one_long_text_are_weighed_by_their_characters() -> None:
    text = "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 100 + "]"
    with pytest.raises(Refusal) as caught:
        read_document(text.encode())
    assert told(caught.value)[0] == "document_too_large"
    assert "characters, aliases expanded" in told(caught.value)[2]


def test_aliases_are_weighed_by_the_depth_they_bring() -> None:
    text = "a: &a " + "[" * 150 + "]" * 150 + "\nb: " + "[" * 60 + "*a" + "]" * 60
    with pytest.raises(Refusal) as caught:
        read_document(text.encode())
    assert told(caught.value)[1:] == (
        "line 2 column 64",
        "The document is nested deeper than 200 levels.",
    )


def test_the_bounds_themselves_are_still_taken() -> None:
    nested = "[" * (DEEP - 1) + "]" * (DEEP - 1)
    assert "a" in read_document(f'{{"a": {nested}}}'.encode())
    assert "a" in read_document(f"a: {nested}".encode())
    name = "n" * DOCUMENT_NAME_CHARACTERS
    assert read_document(json.dumps({name: 1}).encode()) == {name: 1}


def test_more_values_than_the_bound_are_refused_in_both_notations() -> None:
    items = "0," * (DOCUMENT_NODES + 1)
    for text in (f'{{"a": [{items}0]}}', '{"a": [' + "[]," * DOCUMENT_NODES + "[]]}"):
        with pytest.raises(Refusal) as caught:
            read_document(text.encode())
        assert told(caught.value)[0] == "document_too_large"


YAML_VALUES: list[tuple[str, Any]] = [
    ("", None), ("~", None), ("null", None), ("Null", None), ("nil", "nil"),
    ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("Off", "Off"), ("y", "y"),
    ("0", 0), ("-12", -12), ("1.50", 1.5), ("1e3", 1000.0), ("-0.5E-2", -0.005),
    ("012", "012"), ("0o14", "0o14"), ("0x1F", "0x1F"), ("+1", "+1"), ("1_000", "1_000"),
    (".5", ".5"), ("1.", "1."), (".inf", ".inf"), (".nan", ".nan"), ("190:20:30", "190:20:30"),
    ("2024-01-01", "2024-01-01"), ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
    ("'5'", "5"), ('"true"', "true"), ("=", "="), ("9007199254740993", 9007199254740993),
]  # fmt: skip


@pytest.mark.parametrize(("written", "value"), YAML_VALUES)
def test_yaml_scalars_mean_what_json_can_say(written: str, value: Any) -> None:
    found = read_document(f"a: {written}\n".encode())["a"]
    assert (type(found), found) == (type(value), value)


def test_yaml_names_are_text_as_written() -> None:
    text = "{200: a, 1.0: b, null: c, yes: d, ~: e, 0x1: f, 'x y': g}"
    assert list(read_document(f"m: {text}".encode())["m"]) == [
        "200", "1.0", "null", "yes", "~", "0x1", "x y",
    ]  # fmt: skip


def test_yaml_merge_keys_bring_in_what_is_not_there_earliest_first() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\nd: {'<<': x}"
    document = read_document(text.encode())
    assert document["c"] == {"x": 0, "y": 1, "z": 2}
    assert document["d"] == {"<<": "x"}


def test_yaml_aliases_may_stand_for_names_and_be_redefined() -> None:
    text = "a: &k name\nb: {*k : 1}\nc: &k other\nd: *k"
    assert read_document(text.encode()) == {
        "a": "name",
        "b": {"name": 1},
        "c": "other",
        "d": "other",
    }


def test_a_byte_order_mark_and_leading_space_are_skipped() -> None:
    assert read_document(b"\xef\xbb\xbf \r\n{}") == {}
    assert read_document(b"\xef\xbb\xbfa: 1") == {"a": 1}


TEXTS = st.text('a/~\x01\x7f\\"\u2028é字😀', max_size=4)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, JSON_VALUES, max_size=3))
def test_json_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    assert json.dumps(read_document(json.dumps(value).encode())) == json.dumps(value)


@given(st.binary(max_size=200))
@example(b"{" * 100)
@example(b'{"a": "\\')
@example(b"%YAML 1.2\n--- a")
@example(b"a: |\n")
@example(b"&a &b c")
def test_no_bytes_raise_anything_but_a_refusal(raw: bytes) -> None:
    try:
        read_document(raw)
    except Refusal as refusal:
        told(refusal)


@given(st.text("ab:{}[]&*<-?!|>'\"#, \n1", max_size=40))
def test_no_yaml_raises_anything_but_a_refusal(text: str) -> None:
    try:
        json.dumps(read_document(text.encode()))
    except Refusal as refusal:
        told(refusal)
