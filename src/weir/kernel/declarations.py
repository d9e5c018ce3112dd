"""Types of a room's declarations: locks, settings, commands, periodic work, bounds of inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from weir.kernel.outcomes import Outcome

# The panels of the help of `weir`, in the order in which they are shown.
RUN_PANEL: Final = "Run"
PARTIES_PANEL: Final = "Organisations and people"
SHELF_PANEL: Final = "The shelf"
BOOKS_PANEL: Final = "Consents, money, records, keys"


@dataclass(frozen=True, slots=True)
class Lock:
    """One advisory lock of PostgreSQL, or one for each name it is held under.

    `number` is unique among all rooms. `words` say what only one holder at a time may do, and
    what the names are. `store/locks.py` takes the lock.
    """

    number: int
    words: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command of `weir`, or a group of commands.

    `place` is its code, `module:name` in `weir.cli`; a place that begins with another package
    (`weir_demo.command:demo`) is loaded from there. `help` is its line in the help of `weir`, and
    `panel` the heading under which that line stands.
    """

    place: str
    help: str
    group: bool = False
    panel: str = RUN_PANEL


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work that a worker repeats, with a pause of `pause_s` seconds between two runs."""

    pause_s: float
    words: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The bound of one kind of input from outside.

    `limits` names what holds it: limits of any room (`HEADER_FIELDS`) and settings in small
    letters (`bind_address`). `cost` says what is held or done for an input at its bound, and
    `beyond` what happens to one that goes past it: a refusal (its code, where another room
    declares it), or words where nothing is answered. `test` is the name of the test that
    goes past it, the only one of that name.
    """

    limits: tuple[str, ...]
    cost: str
    beyond: Outcome | str
    test: str


def setting(
    default: Any,
    words: str,
    *,
    secret: bool = False,
    path: bool = False,
    low: int = 0,
    high: int = 0,
) -> Any:
    """Return a field of a room's `Settings`.

    The field holds a whole number when its default is one, a file path when `path` is set, and
    text otherwise. `words` explain it, `secret` hides its value in `weir config`, and a whole
    number lies from `low` to `high`. A default of None stands for the embedded engine, or for a
    value that the platform makes itself.
    """
    metadata = {"words": words, "secret": secret, "path": path, "low": low, "high": high}
    return field(default=default, metadata=metadata)
