"""JSON pointers (RFC 6901) and the local references that carry them.

Resolution is lazy: a reference is followed only when its target is needed, so a document may refer
in circles as long as every circle passes through a value that is no reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

from weir.openapi.declares import DOCUMENT_REFERENCE_HOPS
from weir.openapi.refusals import invalid, quote_name

# RFC 6901 section 3: reference-token = *( unescaped / escaped ), escaped = "~" ( "0" / "1" )
_TOKEN: Final = re.compile(r"(?:[^~/]|~[01])*")
# RFC 6901 section 4: array-index = %x30 / ( %x31-39 *(%x30-39) ); ten digits are plenty.
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,9}")
# RFC 3986 section 3.5: a "%" in a fragment begins two hexadecimal digits.
_LOOSE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

_ABSENT: Final = object()


def escape(token: str) -> str:
    """Write one reference token as it stands inside a pointer."""
    if "~" in token or "/" in token:
        return token.replace("~", "~0").replace("/", "~1")
    return token


def extend(pointer: str, token: str | int) -> str:
    """Return the pointer of a member or item of the value at `pointer`."""
    if isinstance(token, int):
        return f"{pointer}/{token}"
    return f"{pointer}/{escape(token)}"


def write_pointer(tokens: Iterable[str]) -> str:
    """Return the pointer that leads through these tokens."""
    return "".join(f"/{escape(token)}" for token in tokens)


def read_pointer(pointer: str) -> tuple[str, ...]:
    """Return the tokens of a pointer. ValueError when it is not one (RFC 6901 section 3)."""
    if pointer == "":
        return ()
    start, *tokens = pointer.split("/")
    if start != "" or not all(_TOKEN.fullmatch(token) for token in tokens):
        raise ValueError("not a JSON pointer")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)


def target_tokens(reference: Any, at: str) -> tuple[str, ...]:
    """Return the tokens of a local reference (`#/...`).

    DOCUMENT_INVALID at the place `at` for a reference that is not text, leads outside the document,
    names an anchor, or is not a pointer in the form of a URI fragment (RFC 6901 section 6).
    """
    if not isinstance(reference, str):
        raise invalid(at, "A reference must be text.")
    if not reference.startswith("#/"):
        raise invalid(
            at,
            f"The reference {quote_name(reference)} leaves the document; only #/... is followed.",
        )
    try:
        if _LOOSE_PERCENT.search(reference):
            raise ValueError("not percent-encoded")
        return read_pointer(unquote(reference[1:], errors="strict"))
    except ValueError as error:
        raise invalid(
            at, f"The reference {quote_name(reference)} is not a JSON pointer."
        ) from error


def find(document: Any, tokens: Iterable[str]) -> Any:
    """Return the value at the end of `tokens`. KeyError when there is none."""
    value = document
    for token in tokens:
        value = _step(value, token)
        if value is _ABSENT:
            raise KeyError(token)
    return value


def _step(value: Any, token: str) -> Any:
    if isinstance(value, dict):
        return value.get(token, _ABSENT)
    if isinstance(value, list) and _INDEX.fullmatch(token):
        index = int(token)
        return value[index] if index < len(value) else _ABSENT
    return _ABSENT


def follow_once(document: Any, reference: Any, at: str) -> tuple[Any, tuple[str, ...]]:
    """Return the value that one reference points at, and its tokens.

    DOCUMENT_INVALID at `at` when there is none.
    """
    tokens = target_tokens(reference, at)
    try:
        return find(document, tokens), tokens
    except KeyError as error:
        raise invalid(
            at, f"The reference {quote_name(str(reference))} points at nothing."
        ) from error


def is_reference(value: Any) -> bool:
    """Whether a value, found where a reference is allowed, is one (section 4.7.23)."""
    return isinstance(value, dict) and "$ref" in value


def follow(document: Any, value: Any, at: str) -> tuple[Any, str]:
    """Follow references from `value`; return the first value that is none, and its pointer.

    DOCUMENT_INVALID for a circle of nothing but references, and for a chain longer than
    DOCUMENT_REFERENCE_HOPS.
    """
    place = at
    for _ in range(DOCUMENT_REFERENCE_HOPS):
        if not is_reference(value):
            return value, place
        value, tokens = follow_once(document, value["$ref"], extend(place, "$ref"))
        place = write_pointer(tokens)
    raise invalid(at, "This reference leads only to further references, or to itself.")
