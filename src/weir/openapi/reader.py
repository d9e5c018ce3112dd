"""Reader of documents: from bytes to a tree, with every bound checked before it can hurt.

A text whose first character is `{` or `[` is read as JSON, everything else as YAML: never one after
the other, since two sides could take two readings of one text and disagree.

The tree holds only JSON's values: objects with text names, lists, text, numbers, booleans and null.
Objects may be shared between places (YAML aliases), so the tree must not be changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from weir.openapi.declares import (
    DOCUMENT_BYTES,
    DOCUMENT_DEPTH,
    DOCUMENT_NAME_CHARACTERS,
    DOCUMENT_NODES,
)
from weir.openapi.pointers import write_pointer
from weir.openapi.refusals import invalid, quote_name, too_large, unreadable
from weir.openapi.scalars import RepeatedName, Unacceptable, read_number
from weir.openapi.yaml_reader import read_yaml

# A JSON string, closed or not, or a bracket. Possessive, so that no text makes it backtrack; an
# unclosed string takes the rest, so that no text makes it start again at every quote.
_STRING_OR_BRACKET: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def read_document(raw: bytes) -> dict[str, Any]:
    """Read an OpenAPI document's bytes as JSON or YAML into a tree that JSON can express.

    Refuses with DOCUMENT_TOO_LARGE, DOCUMENT_UNREADABLE or DOCUMENT_INVALID, each with a public
    `pointer` (a JSON pointer, or `line N column M` while the text is not yet a tree) and `why`.
    Bounds: the DOCUMENT_ entries of `weir.openapi.declares`.
    """
    if len(raw) > DOCUMENT_BYTES:
        raise too_large("", f"The document has more than {DOCUMENT_BYTES} bytes.")
    text = _decode(raw)
    is_json = text.lstrip(" \t\r\n")[:1] in ("{", "[")
    document = _read_json(text) if is_json else read_yaml(text)
    _inspect(document)
    if not isinstance(document, dict):
        raise invalid("", "The document must be an object.")
    return document


def _decode(raw: bytes) -> str:
    """Decode UTF-8 (RFC 8259 section 8.1), skipping a byte order mark."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", errors="replace")
        raise unreadable(_place(before, len(before)), "The text is not UTF-8.") from error


def _place(text: str, offset: int) -> str:
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return f"line {line} column {column}"


def _read_json(text: str) -> Any:
    _bound_nesting(text)
    try:
        return json.loads(
            text,
            object_pairs_hook=_members,
            parse_int=read_number,
            parse_float=read_number,
            parse_constant=_refused_constant,
        )
    except json.JSONDecodeError as error:
        why = f"This is not JSON: {error.msg}."
        raise unreadable(_place(text, error.pos), why) from error


def _bound_nesting(text: str) -> None:
    """Refuse by brackets alone, before the reader recurses or allocates for them."""
    depth = opened = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        mark = text[found.start()]
        if mark in "[{":
            depth += 1
            opened += 1
            if depth > DOCUMENT_DEPTH:
                why = f"The document is nested deeper than {DOCUMENT_DEPTH} levels."
                raise too_large(_place(text, found.start()), why)
            if opened > DOCUMENT_NODES:
                raise too_large(_place(text, found.start()), _too_many_nodes())
        elif mark in "]}":
            depth -= 1


def _too_many_nodes() -> str:
    return f"The document has more than {DOCUMENT_NODES} values."


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return RepeatedName(name)
        seen.add(name)
    return members


def _refused_constant(text: str) -> Unacceptable:
    return Unacceptable(f"{text} is not a number in JSON.")


# A place in the tree, as the place it is in and the last step; written out only for a refusal.
_Trail = tuple[Any, ...]


def _inspect(root: Any) -> None:
    """Refuse values whose pointer only the tree knows, which the readers have marked."""
    waiting: list[tuple[Any, _Trail]] = [(root, ())]
    nodes = 0
    while waiting:
        value, trail = waiting.pop()
        nodes += 1
        if nodes > DOCUMENT_NODES:
            raise too_large(_pointer(trail), _too_many_nodes())
        if isinstance(value, (dict, list, str, Unacceptable)):
            why = _fault(value)
            if why:
                raise invalid(_pointer(trail), why)
            waiting.extend((inner, (trail, step)) for step, inner in _steps(value))


def _steps(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _fault(value: Any) -> str:
    """Return the fault of one value, '' when it can be taken."""
    if isinstance(value, str):
        return _text_fault(value)
    if isinstance(value, RepeatedName):
        return f"The name {quote_name(value.name)} is repeated."
    if isinstance(value, Unacceptable):
        return value.why
    if isinstance(value, dict):
        return next(filter(None, map(_name_fault, value)), "")
    return ""


def _text_fault(text: str) -> str:
    if "\0" in text:
        return "The text holds the character U+0000."
    if text.isascii():
        return ""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "The text holds half of a surrogate pair."
    return ""


def _name_fault(name: str) -> str:
    if len(name) > DOCUMENT_NAME_CHARACTERS:
        return f"A name has more than {DOCUMENT_NAME_CHARACTERS} characters."
    return _text_fault(name)


def _pointer(trail: _Trail) -> str:
    return write_pointer(reversed(list(_tokens_up(trail))))


def _tokens_up(trail: _Trail) -> Iterator[str]:
    while trail:
        trail, step = trail
        yield str(step)
