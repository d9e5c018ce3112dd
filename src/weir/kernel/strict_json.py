"""Strict reading and canonical writing of JSON.

Two parsers that disagree about one text are an attack: the gateway would check one amount and the
member would pay another. So a repeated name, a non-finite number, a lone surrogate or a text
nested too deeply is refused (RFC 8259 section 4 leaves these open; we close them). So is the
character U+0000, which no PostgreSQL text can hold.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from weir.kernel.declares import JSON_BYTES, JSON_DEPTH


def loads(raw: bytes | str, max_bytes: int = JSON_BYTES) -> Any:
    """Read JSON text. ValueError, with a reason that is safe to log, when it breaks a rule."""
    if len(raw) > max_bytes:
        raise ValueError("JSON text is too long")
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = _DECODER.decode(text)
        text.encode("utf-8")
    except RecursionError as error:
        raise ValueError("JSON text is nested too deeply") from error
    _check(value, JSON_DEPTH, _NUL in text)
    return value


def canonical(value: Any) -> bytes:
    """Write a value as its only canonical text, for digests: sorted names, no spaces, UTF-8.

    Values are strings, integers, booleans, null, lists and objects. There are no fractions, so the
    number rules of RFC 8785 are not needed.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name is repeated in a JSON object")
    return names


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


_NUL: Final = "\\u0000"  # its only form: a JSON string holds no control character as it is
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _check(value: Any, depth: int, holds_nul: bool) -> None:
    """Check depth and texts; for U+0000 only where `holds_nul` says that its form is there."""
    if depth == 0:
        raise ValueError("JSON text is nested too deeply")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name, holds_nul)
            _check(inner, depth - 1, holds_nul)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth - 1, holds_nul)
    elif isinstance(value, str):
        _check_text(value, holds_nul)


def _check_text(text: str, holds_nul: bool) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("a JSON string is not Unicode text") from error
    if holds_nul and "\0" in text:
        raise ValueError("a JSON string holds U+0000")
