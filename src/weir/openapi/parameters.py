"""Parameters of an operation: its own, and its path item's unless it declares the same one."""

from __future__ import annotations

from typing import Any

from weir.openapi.operation_list import ListedOperation
from weir.openapi.pointers import extend, follow
from weir.openapi.refusals import invalid, quote_name

# The place (`in`) and the name, which is without case for a header (RFC 9110 section 5.1).
Key = tuple[str, str]


def effective(document: dict[str, Any], listed: ListedOperation) -> dict[Key, dict[str, Any]]:
    """Return the parameters of an operation, references followed (OpenAPI 3.0.3 section 4.7.10).

    DOCUMENT_INVALID when one list declares a parameter twice.
    """
    of_item = declared(document, listed.path_item, listed.path_item_pointer)
    return of_item | declared(document, listed.operation, listed.pointer)


def declared(
    document: dict[str, Any], holder: dict[str, Any], pointer: str
) -> dict[Key, dict[str, Any]]:
    """Return the parameters that one path item or operation declares itself."""
    found: dict[Key, dict[str, Any]] = {}
    for number, each in enumerate(holder.get("parameters", [])):
        at = extend(f"{pointer}/parameters", number)
        parameter, _ = follow(document, each, at)
        key = key_of(parameter["in"], parameter["name"])
        if key in found:
            raise invalid(at, f"The parameter {quote_name(parameter['name'])} is declared twice.")
        found[key] = parameter
    return found


def key_of(place: str, name: str) -> Key:
    """Return the key that makes two parameters the same."""
    return place, name.lower() if place == "header" else name
