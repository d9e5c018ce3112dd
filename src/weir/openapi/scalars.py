"""What the JSON and the YAML reader share: numbers, and marks for values that must be refused.

A reader meets a bad value before its pointer is known. It leaves a mark in the tree, and the
inspection that follows (`reading.py`) refuses the mark with its pointer.
"""

from __future__ import annotations

import math
from typing import Any


class Unacceptable:
    """Stands where a value cannot be taken, and says why."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class RepeatedName(dict[str, Any]):
    """Stands where an object repeats a name (RFC 8259 section 4 leaves the meaning open)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def read_number(text: str) -> int | float | Unacceptable:
    """A number in JSON's spelling: whole ones exactly, others as IEEE 754 doubles (RFC 8259
    section 6). What overflows a double, or has more digits than Python reads, is marked."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return Unacceptable("The number cannot be read.")
    return number if math.isfinite(number) else Unacceptable("The number is too large.")
