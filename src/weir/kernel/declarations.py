"""Values of which a room's declarations are made: locks, settings, commands, periodic work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

# The panels of the help of `weir`, in the order in which they are shown.
RUN_PANEL: Final = "Run"
PARTIES_PANEL: Final = "Who takes part"
SHELF_PANEL: Final = "The shelf"
BOOKS_PANEL: Final = "What must be true"


@dataclass(frozen=True, slots=True)
class Lock:
    """One advisory lock of PostgreSQL, or one for each name it is held under.

    `number` is its own among all rooms; `words` say what only one holder at a time may do, and
    what its names are. `store/locks.py` holds it.
    """

    number: int
    words: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command of `weir`, or a group of them, and its code: `module:name` in `weir.cli`.

    A place that begins with another package (`weir_demo.command:demo`) is loaded from there.
    """

    place: str
    help: str
    group: bool = False
    panel: str = RUN_PANEL


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work that a worker does again and again, with a pause of `pause_s` seconds between."""

    pause_s: float
    words: str


def setting(
    default: Any,
    words: str,
    *,
    secret: bool = False,
    path: bool = False,
    low: int = 0,
    high: int = 0,
) -> Any:
    """A field of a room's `Settings`: a text, a `path`, or, by its default, a whole number.

    `words` say what it means, `secret` hides its value, and a whole number lies from `low` to
    `high`. A default of None means: the embedded engine, or a value that the platform makes.
    """
    metadata = {"words": words, "secret": secret, "path": path, "low": low, "high": high}
    return field(default=default, metadata=metadata)
