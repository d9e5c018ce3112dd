"""Where a call carries what a consent is checked against: compiled references, read exactly.

Whatever the member might read differently than we do is refused: a parameter or header that is
repeated, a query with `+`, `;` or an encoded name, a JSON number where a decimal string belongs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote_to_bytes

from weir.gateway.declares import BOUND_BODY_BYTES, BOUND_VALUE_MISSING
from weir.kernel.declares import UNSUPPORTED_MEDIA_TYPE
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads
from weir.wire import grammar

if TYPE_CHECKING:
    from weir.gateway.call import Call
    from weir.gateway.front.head_memo import Place

VALUE_CHARACTERS: Final = 256


class Reference(Protocol):
    """Reads one bound value of a call, or refuses BOUND_VALUE_MISSING."""

    needs_body: bool

    def read(self, call: Call) -> str: ...


def missing(reference: str, detail: str) -> Refusal:
    """The refusal of one bound value. The reference is published in the product's document."""
    return Refusal(BOUND_VALUE_MISSING, detail, binding=reference)


def compile_reference(text: str | None) -> Reference | None:
    """Turn `path:x`, `query:x`, `header:x` or `body:/ptr` into its reader. ValueError otherwise."""
    if text is None:
        return None
    kind, _, name = text.partition(":")
    if not name or kind not in _KINDS:
        raise ValueError("a binding is not of the form kind:name")
    return _KINDS[kind](text, name)


def _text(reference: str, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise missing(reference, "not UTF-8") from error
    return _accept(reference, text)


def _accept(reference: str, text: str) -> str:
    if not (0 < len(text) <= VALUE_CHARACTERS and text.isprintable()):
        raise missing(reference, "empty, too long, or not printable")
    return text


class PathReference:
    """A parameter of the path template."""

    needs_body = False

    def __init__(self, reference: str, name: str) -> None:
        self._reference, self._name = reference, name

    def read(self, call: Call) -> str:
        place = call.place
        assert place is not None
        text = place.texts.get(self._name)
        if text is None:
            text = place.texts[self._name] = _text(self._reference, self._value(place))
        return text

    def _value(self, place: Place) -> bytes:
        for name, value in zip(place.operation.parameter_names, place.values, strict=True):
            if name == self._name:
                return value
        raise missing(self._reference, "the template has no such parameter")


class QueryReference:
    """A query parameter that stands exactly once, its name written plainly."""

    needs_body = False

    def __init__(self, reference: str, name: str) -> None:
        self._reference, self._name = reference, name.encode()

    def read(self, call: Call) -> str:
        assert call.place is not None
        query = call.place.query
        if b"+" in query or b";" in query:
            raise missing(self._reference, "the query may be read in two ways")
        found: list[bytes] = []
        for part in query.split(b"&"):
            name, _, value = part.partition(b"=")
            if unquote_to_bytes(name).lower() == self._name.lower():
                if name != self._name:
                    raise missing(self._reference, "the parameter's name is oddly written")
                found.append(unquote_to_bytes(value))
        if len(found) != 1:
            raise missing(self._reference, f"the parameter stands {len(found)} times")
        return _text(self._reference, found[0])


class HeaderReference:
    """A header field that stands exactly once."""

    needs_body = False

    def __init__(self, reference: str, name: str) -> None:
        self._reference, self._name = reference, name.lower().encode()

    def read(self, call: Call) -> str:
        fields = call.exchange.request.fields
        found = [value for name, value in fields if name == self._name]
        if len(found) != 1:
            raise missing(self._reference, f"the field stands {len(found)} times")
        return _text(self._reference, found[0].strip(b" \t"))


class BodyReference:
    """A string in the JSON body, by JSON pointer (RFC 6901)."""

    needs_body = True

    def __init__(self, reference: str, pointer: str) -> None:
        if not pointer.startswith("/"):
            raise ValueError("a body binding is not a JSON pointer")
        self._reference = reference
        steps = pointer[1:].split("/")
        self._steps = [step.replace("~1", "/").replace("~0", "~") for step in steps]

    def read(self, call: Call) -> str:
        if call.json is None:
            call.json = read_json(call, self._reference)
        value = call.json
        for step in self._steps:
            if isinstance(value, list) and step.isascii() and step.isdigit():
                value = value[int(step)] if int(step) < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        if not isinstance(value, str):
            raise missing(self._reference, "not a JSON string")
        return _accept(self._reference, value)


def read_json(call: Call, reference: str) -> object:
    """The body as strict JSON in the one encoding that cannot be read differently."""
    single = call.exchange.request.single
    kind = single.get(b"content-type", b"")
    if grammar.JSON_TYPE.fullmatch(kind) is None or b"content-encoding" in single:
        raise Refusal(UNSUPPORTED_MEDIA_TYPE, "a bound body must be plain JSON")
    try:
        return loads(call.body or b"", BOUND_BODY_BYTES) or {}
    except ValueError as error:
        raise missing(reference, str(error)) from error


_KINDS: Final[dict[str, type[PathReference | QueryReference | HeaderReference | BodyReference]]] = {
    "path": PathReference,
    "query": QueryReference,
    "header": HeaderReference,
    "body": BodyReference,
}
