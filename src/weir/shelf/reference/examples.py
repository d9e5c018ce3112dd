"""Examples of values: the document's own or, where it gives none, one from the schema."""

from __future__ import annotations

from typing import Any, Final

from weir.shelf.declares import REFERENCE_DEPTH
from weir.shelf.reference.schemas import Reader

_STRINGS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T09:30:00Z",
    "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "byte": "d2Vpcg==",
}


def of_media(reader: Reader, media: dict[str, Any]) -> Any:
    """Return a media type's example: its own, the first of its examples, or the schema's."""
    if "example" in media:
        return media["example"]
    for each in (media.get("examples") or {}).values():
        found = reader.resolve(each)
        if "value" in found:
            return found["value"]
    return of_schema(reader, media.get("schema", {}))


def of_schema(reader: Reader, schema: Any, depth: int = 0) -> Any:
    """Return a value that the schema allows, as far as its keywords are read here."""
    merged = reader.merged(schema)
    for name in ("example", "default", "const"):
        if name in merged:
            return merged[name]
    for name in ("examples", "enum"):
        if isinstance(merged.get(name), list) and merged[name]:
            return merged[name][0]
    if depth >= REFERENCE_DEPTH:
        return None
    for name in ("oneOf", "anyOf"):
        if merged.get(name):
            return of_schema(reader, merged[name][0], depth + 1)
    return _of_kind(reader, merged, depth)


def _of_kind(reader: Reader, schema: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        return {name: of_schema(reader, value, depth + 1) for name, value in properties.items()}
    if kind == "array":
        return [of_schema(reader, schema.get("items", {}), depth + 1)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    return _STRINGS.get(str(schema.get("format")), "string") if kind == "string" else None
