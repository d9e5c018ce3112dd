"""Edits of a tree that copy instead of changing: values put in, and values taken out.

Only the objects on the way to a changed place are copied, each once; everything else is shared
between the old tree and the new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Tokens = tuple[str, ...]


def without_places(document: dict[str, Any], places: Iterable[Tokens]) -> dict[str, Any]:
    """Return a copy of the tree that lacks the members at `places`, all of which must exist."""
    tree = _Copying(document)
    for tokens in places:
        del tree.holder(tokens)[tokens[-1]]
    return tree.root


def with_values(document: dict[str, Any], values: Mapping[Tokens, Any]) -> dict[str, Any]:
    """Return a copy of the tree with `values` at their places, whose holders must exist."""
    tree = _Copying(document)
    for tokens, value in values.items():
        tree.holder(tokens)[tokens[-1]] = value
    return tree.root


class _Copying:
    """A tree whose holders are copied when they are first returned."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.root = dict(document)
        self._fresh: dict[Tokens, Any] = {(): self.root}

    def holder(self, tokens: Tokens) -> Any:
        """Return the object or list that holds the place, safe to change."""
        node: Any = self.root
        for length in range(1, len(tokens)):
            path = tokens[:length]
            if path not in self._fresh:
                step: Any = int(path[-1]) if isinstance(node, list) else path[-1]
                node[step] = self._fresh[path] = node[step].copy()
            node = self._fresh[path]
        return node
