"""References to values in an operation's requests, such as its account or its amount.

    reference = "path:" name / "query:" name / "header:" name / "body:" json-pointer

`header` names are without case (RFC 9110 section 5.1); a JSON pointer is RFC 6901's and leads
through objects only. The gateway will read the value at the reference out of every call, so it
must be one the operation declares, in every JSON form of its body.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, cast

from weir.kernel.declares import JSON_DEPTH
from weir.openapi.bodies import json_schemas
from weir.openapi.declares import DOCUMENT_NAME_CHARACTERS
from weir.openapi.grammar import Version
from weir.openapi.operation_list import ListedOperation
from weir.openapi.operations import ImportedDocument, ImportedOperation
from weir.openapi.parameters import key_of
from weir.openapi.pointers import find, follow, read_pointer, write_pointer
from weir.openapi.refusals import quote_name, wrong_input
from weir.openapi.regeneration import regenerate

Place = Literal["path", "query", "header", "body"]
_PLACES: Final = ("path", "query", "header", "body")
_COMBINING: Final = ("allOf", "oneOf", "anyOf")


class Reference(NamedTuple):
    """The place of a value in a request: a parameter's name, or a pointer into the JSON body."""

    place: Place
    name: str  # a parameter's name; for the body, the pointer


def read_reference(text: str) -> Reference:
    """Read the grammar above. Refuses with INVALID_INPUT when `text` does not follow it."""
    place, colon, name = text.partition(":")
    if place not in _PLACES or not colon or not name:
        raise wrong_input("", "A reference is path:, query:, header: or body: and a name.")
    if len(name) > DOCUMENT_NAME_CHARACTERS or not name.isprintable():
        raise wrong_input("", "The name in a reference is too long, or not printable.")
    if place == "body":
        _body_tokens(name)
    return Reference(cast("Place", place), name)


def check_reference(document: ImportedDocument, operation_id: str, reference: str) -> None:
    """Refuse a reference to a value that the operation's requests do not have.

    Taken: a declared path, query or header parameter; a place in the body that at least one
    alternative of its schema declares (through `$ref`, `allOf`, `oneOf`, `anyOf`), that holds a
    single value, and that is the same in every JSON media type of the body. Refused with
    INVALID_INPUT, `pointer` (into the document, empty when the text itself is wrong) and `why`.
    """
    place, name = read_reference(reference)
    operation = document.operation(operation_id)
    if operation is None:
        raise wrong_input("", f"The document has no operation {quote_name(operation_id)}.")
    if place == "body":
        _check_body(document, operation, _body_tokens(name))
        return
    declared = {key_of(each.location, each.name) for each in operation.parameters}
    if key_of(place, name) not in declared:
        why = f"The operation declares no {place} parameter {quote_name(name)}."
        raise wrong_input(operation.home, why)


def _body_tokens(pointer: str) -> tuple[str, ...]:
    try:
        tokens = read_pointer(pointer)
    except ValueError as error:
        raise wrong_input("", "body: is followed by a JSON pointer, such as /a/b.") from error
    if not 0 < len(tokens) <= JSON_DEPTH:
        raise wrong_input("", f"A pointer leads through 1 to {JSON_DEPTH} names.")
    return tokens


def _check_body(
    document: ImportedDocument, operation: ImportedOperation, tokens: tuple[str, ...]
) -> None:
    whole = regenerate(document)
    schemas = list(json_schemas(whole, document.version, _listed(whole, operation)))
    if not schemas:
        raise wrong_input(operation.home, "The operation takes no JSON body.")
    for schema, pointer in schemas:
        _Descent(whole, document.version, pointer).check(schema, tokens)


def _listed(whole: dict[str, Any], operation: ImportedOperation) -> ListedOperation:
    *place, method = read_pointer(operation.home)
    return ListedOperation(
        operation.path, method, operation.source, find(whole, place), write_pointer(place)
    )


class _Descent:
    """A check that follows a pointer down a schema, all alternatives at once."""

    def __init__(self, document: dict[str, Any], version: Version, pointer: str) -> None:
        self._document = document
        self._siblings_count = version == "3.1"  # JSON Schema 2020-12 section 8.2.3.1
        self._pointer = pointer

    def check(self, schema: Any, tokens: tuple[str, ...]) -> None:
        """Refuse when no alternative of `schema` has a single value at the end of `tokens`."""
        found = self._alternatives([schema])
        for number, token in enumerate(tokens):
            inner = [
                each["properties"][token] for each in found if token in each.get("properties", {})
            ]
            if not inner:
                raise self._missing(found, tokens[:number], token)
            found = self._alternatives(inner)
        if any(_is(each, "array") or _is(each, "object") for each in found):
            why = f"The body's {write_pointer(tokens)} is not a single value."
            raise wrong_input(self._pointer, why)

    def _missing(self, found: list[Any], above: tuple[str, ...], token: str) -> Exception:
        place = write_pointer(above) or "root"
        if any(_is(each, "array") for each in found):
            why = f"There is a list at the body's {place}; a reference cannot pick from a list."
        else:
            why = f"The body's schema has no {quote_name(token)} at its {place}."
        return wrong_input(self._pointer, why)

    def _alternatives(self, schemas: list[Any]) -> list[dict[str, Any]]:
        """Return these schemas and all they combine or refer to, each once: circles end here."""
        waiting, found = list(reversed(schemas)), []
        seen: set[int] = set()
        while waiting:
            schema = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in seen:
                continue
            seen.add(id(schema))
            if "$ref" in schema:
                target, _ = follow(self._document, schema, self._pointer)
                waiting.append(target)
            if "$ref" not in schema or self._siblings_count:
                found.append(schema)
                waiting.extend(_parts(schema))
        return found


def _parts(schema: dict[str, Any]) -> Iterator[Any]:
    for keyword in _COMBINING:
        yield from schema.get(keyword, [])


def _is(schema: dict[str, Any], kind: str) -> bool:
    """Whether a schema says, or its keywords imply, that its values are lists or objects."""
    types = schema.get("type")
    if types is None:
        return ("items" if kind == "array" else "properties") in schema
    return kind in types if isinstance(types, list) else kind == types
