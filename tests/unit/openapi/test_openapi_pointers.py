"""Pointers and references: what is no pointer first, then RFC 6901's own examples."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_documents import told

from weir.kernel.outcomes import Refusal
from weir.openapi.pointers import (
    extend,
    find,
    follow,
    follow_once,
    read_pointer,
    target_tokens,
    write_pointer,
)


@pytest.mark.parametrize("text", ["a", "a/b", "#/a", "/~", "/~2", "/a~", "/a/~x/b", " /a"])
def test_what_is_no_pointer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a JSON pointer"):
        read_pointer(text)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (5, "must be text"),
        (None, "must be text"),
        ("", "leaves the document"),
        ("#", "leaves the document"),
        ("#name", "leaves the document"),
        ("other.yaml#/a", "leaves the document"),
        ("https://example.com/a#/b", "leaves the document"),
        ("file:///etc/passwd", "leaves the document"),
        ("//host/a", "leaves the document"),
        ("#/a~2", "not a JSON pointer"),
        ("#/a%2", "not a JSON pointer"),
        ("#/%ff", "not a JSON pointer"),
        ("#/a%zz", "not a JSON pointer"),
    ],
)
def test_a_reference_that_is_not_local_is_refused_at_its_place(reference: Any, why: str) -> None:
    with pytest.raises(Refusal) as caught:
        target_tokens(reference, "/x/$ref")
    assert told(caught.value)[:2] == ("document_invalid", "/x/$ref")
    assert why in told(caught.value)[2]


# RFC 6901 sections 5 and 6
RFC_6901: dict[str, Any] = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6,
    " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC_6901), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1),
        ("/c%d", 2), ("/e^f", 3), ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_the_rfcs_pointers_find_the_rfcs_values(pointer: str, value: Any) -> None:
    assert find(RFC_6901, read_pointer(pointer)) == value


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("#/c%25d", 2),
        ("#/e%5Ef", 3),
        ("#/%20", 7),
        ("#/m~0n", 8),
        ("#/a~1b", 1),
        ("#/foo/1", "baz"),
    ],
)
def test_the_rfcs_fragments_find_the_rfcs_values(reference: str, value: Any) -> None:
    assert follow_once(RFC_6901, reference, "")[0] == value


@pytest.mark.parametrize(
    "step", ["/foo/2", "/foo/00", "/foo/-", "/foo/-1", "/foo/x", "/foo/0/0", "/no"]
)
def test_a_pointer_to_nothing_is_a_dangling_reference(step: str) -> None:
    with pytest.raises(Refusal) as caught:
        follow_once(RFC_6901, f"#{step}", "/here")
    assert told(caught.value)[1] == "/here"
    assert "points at nothing" in told(caught.value)[2]


def test_references_are_followed_until_something_that_is_none() -> None:
    document = {"a": {"$ref": "#/b"}, "b": {"$ref": "#/c/0"}, "c": [{"type": "x"}]}
    assert follow(document, document["a"], "/a") == ({"type": "x"}, "/c/0")


@pytest.mark.parametrize(
    "document",
    [
        {"a": {"$ref": "#/a"}},
        {"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}},
        {"a": {"$ref": "#/0"}} | {str(n): {"$ref": f"#/{n + 1}"} for n in range(10)} | {"10": {}},
    ],
)
def test_references_that_lead_only_to_references_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        follow(document, document["a"], "/a")
    assert told(caught.value)[1] == "/a"


@given(st.lists(st.text(max_size=5), max_size=5))
def test_pointers_are_read_as_they_were_written(tokens: list[str]) -> None:
    assert list(read_pointer(write_pointer(tokens))) == tokens


@given(st.text(max_size=5))
def test_extending_a_pointer_adds_one_token(token: str) -> None:
    assert read_pointer(extend("/a", token)) == ("a", token)
