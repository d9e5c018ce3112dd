"""List of a document's operations, with their places: under its paths, or behind references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weir.openapi.grammar import METHODS, Version
from weir.openapi.pointers import extend, follow


@dataclass(frozen=True, slots=True)
class ListedOperation:
    """One operation, its path item, and the pointer of each."""

    path: str
    method: str  # as in the document: lower-case
    operation: dict[str, Any]
    path_item: dict[str, Any]
    path_item_pointer: str

    @property
    def pointer(self) -> str:
        return f"{self.path_item_pointer}/{self.method}"


def path_items(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield every path, its item with references followed, and the item's pointer."""
    for path, item in document.get("paths", {}).items():
        if path.startswith("/"):
            value, pointer = follow(document, item, extend("/paths", path))
            yield path, value, pointer


def operations(document: dict[str, Any], version: Version) -> Iterator[ListedOperation]:
    """Yield every operation under the document's paths, in document order."""
    for path, item, pointer in path_items(document):
        for method in item:
            if method in METHODS[version]:
                yield ListedOperation(path, method, item[method], item, pointer)
