"""The body of an operation: whether there is one, its media types and their schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from weir.openapi.grammar import MEDIA_TYPE, Version
from weir.openapi.operation_list import ListedOperation
from weir.openapi.parameters import effective
from weir.openapi.pointers import extend, follow

# Places of the parameters that are a body in OpenAPI 2.0.
BODY_PLACES_20: Final = ("body", "formData")

# RFC 8259 section 11 and the +json suffix of RFC 6839 section 3.1, parameters aside.
_JSON: Final = re.compile(r"application/json|[^/;\s]+/[^/;\s]+\+json", re.IGNORECASE)


def has_body(document: dict[str, Any], version: Version, listed: ListedOperation) -> bool:
    """Whether the operation takes a body."""
    if version == "2.0":
        return any(place in BODY_PLACES_20 for place, _ in effective(document, listed))
    return "requestBody" in listed.operation


def media_types(document: dict[str, Any], version: Version, listed: ListedOperation) -> list[str]:
    """Return the media types the operation takes, as written; empty without a body or any."""
    if not has_body(document, version, listed):
        return []
    if version == "2.0":
        consumed: list[str] = listed.operation.get("consumes", document.get("consumes", []))
        return consumed
    content, _ = _content(document, listed)
    return [name for name in content if re.fullmatch(MEDIA_TYPE, name)]


def json_schemas(
    document: dict[str, Any], version: Version, listed: ListedOperation
) -> Iterator[tuple[Any, str]]:
    """Yield the body's schema in each JSON media type, {} for none given, and its pointer."""
    if version == "2.0":
        yield from _json_schemas_20(document, listed)
    elif has_body(document, version, listed):
        content, pointer = _content(document, listed)
        for name in media_types(document, version, listed):
            if is_json(name):
                at = extend(extend(pointer, name), "schema")
                yield content[name].get("schema", {}), at


def _json_schemas_20(
    document: dict[str, Any], listed: ListedOperation
) -> Iterator[tuple[Any, str]]:
    consumed = media_types(document, "2.0", listed)
    if consumed and not any(is_json(name) for name in consumed):
        return
    own, shared = listed.operation, listed.path_item
    for holder, pointer in ((own, listed.pointer), (shared, listed.path_item_pointer)):
        for number, each in enumerate(holder.get("parameters", [])):
            parameter, at = follow(document, each, f"{pointer}/parameters/{number}")
            if parameter["in"] == "body":
                yield parameter["schema"], f"{at}/schema"
                return


def is_json(media_type: str) -> bool:
    """Whether the media type's text is JSON."""
    return _JSON.fullmatch(media_type.partition(";")[0].strip()) is not None


def _content(document: dict[str, Any], listed: ListedOperation) -> tuple[dict[str, Any], str]:
    at = f"{listed.pointer}/requestBody"
    body, pointer = follow(document, listed.operation["requestBody"], at)
    return body["content"], f"{pointer}/content"
