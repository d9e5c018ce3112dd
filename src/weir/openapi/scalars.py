"""Numbers, and marks for values to refuse, shared by the JSON and the YAML reader.

A reader meets a bad value before its pointer is known. It leaves a mark in the tree, and the
inspection that follows (`reader.py`) refuses the mark with its pointer.
"""

from __future__ import annotations

import math
from typing import Any


class Unacceptable:
    """A mark in place of a value that cannot be taken; `why` is a sentence."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class RepeatedName(dict[str, Any]):
    """A mark in place of an object that repeats a name (RFC 8259 section 4 leaves it open)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def read_number(text: str) -> int | float | Unacceptable:
    """Read a number in JSON's spelling: whole ones exactly, others as IEEE 754 doubles.

    RFC 8259 section 6. A number that overflows a double, or has more digits than Python reads, is
    marked.
    """
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return Unacceptable("The number cannot be read.")
    return number if math.isfinite(number) else Unacceptable("The number is too large.")
