"""Excerpts of an imported document: the lines that a finding's JSON pointer leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import yaml

# The C loader when there is one; composing keeps aliases shared, so nothing is blown up.
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST_CHARACTERS: Final = 1_000_000  # a larger document is told by pointers alone
_LINE_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines around a place. `first` and `meant` are line numbers from 1: of the first line, and of
    the one the finding is about.
    """

    first: int
    meant: int
    lines: tuple[str, ...]


class Source:
    """A document's text, with a lookup of lines by JSON pointer (RFC 6901)."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._root = _composed(text) if len(text) <= _LARGEST_CHARACTERS else None

    def around(self, pointer: str) -> Excerpt | None:
        """Return the line a pointer leads to with its neighbours, or None when there is none."""
        at = self._line_of(pointer)
        if at is None or at >= len(self._lines):
            return None
        first, last = max(0, at - 1), min(len(self._lines), at + 2)
        shown = tuple(line[:_LINE_CHARACTERS] for line in self._lines[first:last])
        return Excerpt(first + 1, at + 1, shown)

    def _line_of(self, pointer: str) -> int | None:
        """Return the line (from 0) of the pointer's last existing step; a missing member is shown
        where it would stand.
        """
        node = self._root
        if node is None:
            return None
        line = node.start_mark.line
        for step in pointer.split("/")[1:]:
            entry = _step(node, step.replace("~1", "/").replace("~0", "~"))
            if entry is None:
                break
            line, node = entry
        return int(line)


def _step(node: yaml.Node, name: str) -> tuple[int, yaml.Node] | None:
    """Return the line (from 0) and node of a member by name or an element by number, or None."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
        element = node.value[int(name)]
        return element.start_mark.line, element
    return None


def _composed(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return None
    return node
