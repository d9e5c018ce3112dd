"""Bound values, read from a call exactly where the product's document says they stand.

A value that the member might read differently is refused: a parameter or header that is repeated, a
query with `+`, `;` or an encoded name, a JSON number where a decimal string belongs. Refusals
UNSUPPORTED_MEDIA_TYPE and BOUND_VALUE_MISSING.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from weir.gateway.call import Call
from weir.gateway.config.bindings import HEADER, PATH, QUERY, Reference
from weir.gateway.declares import BOUND_BODY_BYTES, BOUND_VALUE_MISSING
from weir.gateway.head_memo import RouteMatch
from weir.kernel.declares import UNSUPPORTED_MEDIA_TYPE
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads
from weir.wire import grammar

VALUE_CHARACTERS: Final = 256


def missing(reference: str, detail: str) -> Refusal:
    """Return the refusal of one bound value; the reference is public in the product's document."""
    return Refusal(BOUND_VALUE_MISSING, detail, binding=reference)


def read(call: Call, reference: Reference) -> str:
    """Return the value as the call carries it. Refusals: see the module."""
    if reference.kind == PATH:
        assert call.match is not None
        return _of_path(call.match, reference)
    if reference.kind == QUERY:
        assert call.match is not None
        return _of_query(call.match.query, reference)
    if reference.kind == HEADER:
        return _of_head(call, reference)
    return _of_body(call, reference)


def _of_path(match: RouteMatch, reference: Reference) -> str:
    text = match.texts.get(reference.name)
    if text is None:
        text = match.texts[reference.name] = _text(reference, _parameter(match, reference))
    return text


def _parameter(match: RouteMatch, reference: Reference) -> bytes:
    for name, value in zip(match.operation.parameter_names, match.values, strict=True):
        if name == reference.name:
            return value
    raise missing(reference.text, "the template has no such parameter")


def _of_query(query: bytes, reference: Reference) -> str:
    """Return a parameter that stands exactly once, its name written plainly."""
    if b"+" in query or b";" in query:
        raise missing(reference.text, "the query may be read in two ways")
    found: list[bytes] = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if unquote_to_bytes(name).lower() == reference.key.lower():
            if name != reference.key:
                raise missing(reference.text, "the parameter's name is oddly written")
            found.append(unquote_to_bytes(value))
    if len(found) != 1:
        raise missing(reference.text, f"the parameter stands {len(found)} times")
    return _text(reference, found[0])


def _of_head(call: Call, reference: Reference) -> str:
    """Return a field that stands exactly once."""
    fields = call.exchange.request.fields
    found = [value for name, value in fields if name == reference.key]
    if len(found) != 1:
        raise missing(reference.text, f"the field stands {len(found)} times")
    return _text(reference, found[0].strip(b" \t"))


def _of_body(call: Call, reference: Reference) -> str:
    """Return a string of the JSON body, by its pointer (RFC 6901)."""
    if call.json is None:
        call.json = read_json(call, reference.text)
    value = call.json
    for step in reference.steps:
        if isinstance(value, list) and step.isascii() and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise missing(reference.text, "not a JSON string")
    return _accept(reference, value)


def read_json(call: Call, reference: str) -> object:
    """Return the body as strict JSON, in the one encoding that cannot be read differently.

    An empty object for an empty value. Refusals: see the module.
    """
    single = call.exchange.request.single
    kind = single.get(b"content-type", b"")
    if grammar.JSON_TYPE.fullmatch(kind) is None or b"content-encoding" in single:
        raise Refusal(UNSUPPORTED_MEDIA_TYPE, "a bound body must be plain JSON")
    try:
        return loads(call.body or b"", BOUND_BODY_BYTES) or {}
    except ValueError as error:
        raise missing(reference, str(error)) from error


def _text(reference: Reference, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise missing(reference.text, "not UTF-8") from error
    return _accept(reference, text)


def _accept(reference: Reference, text: str) -> str:
    if not (0 < len(text) <= VALUE_CHARACTERS and text.isprintable()):
        raise missing(reference.text, "empty, too long, or not printable")
    return text
