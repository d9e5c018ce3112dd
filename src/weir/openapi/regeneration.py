"""Regeneration of a document from its stored parts, and the form for comparing documents."""

from __future__ import annotations

from typing import Any

from weir.openapi.operations import ImportedDocument
from weir.openapi.pointers import read_pointer
from weir.openapi.tree_edits import with_values

# Doubles below this bound hold every whole number exactly (IEEE 754: 53 bits of significand).
_EXACT_WHOLE = 2**53


def regenerate(document: ImportedDocument) -> dict[str, Any]:
    """Return the whole document: the shared parts, with each operation at its place.

    `normalise(regenerate(import_document(raw))) == normalise(read_document(raw))` for every `raw`
    that is taken. The result shares objects with `document` and must not be changed.
    """
    sources = {read_pointer(each.home): each.source for each in document.operations}
    return with_values(document.shared, sources)


def normalise(value: Any) -> Any:
    """Return the form in which two documents are compared. Only two things are evened out:

    - the order of an object's members, which are sorted by name (RFC 8259 section 4: unordered);
    - the spelling of a whole number: 1.0 and 1e0 become 1 (JSON Schema 2020-12 section 4.2.2: one
      number, one value), as long as a double holds it exactly.

    Nothing is added, dropped or defaulted; lists keep their order. Compare the results with `==`,
    or, to tell `true` from 1 as Python does not, as JSON text.
    """
    if isinstance(value, dict):
        return {name: normalise(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [normalise(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_WHOLE:
        return int(value)
    return value
