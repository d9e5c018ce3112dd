"""The list of rooms, and the closed lists composed from the declarations of all of them.

A room is a folder of `weir` with a `declares.py`: the refusals, limits, bounds of inputs, events,
permissions, prefixes, locks, settings, periodic work, kinds of jobs and their steps, routers,
pages, commands and compiled modules it brings. A `declares.py` imports values only (kernel and
access), so that composing a list loads nothing else of the room. docs/recipes/room.md explains how
a room is added.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from weir.kernel.declarations import Bound, Command, Lock, Periodic
from weir.kernel.outcomes import Outcome

# From the lowest to the highest, as `.importlinter` has them.
ROOMS: Final = (
    "kernel",
    "access",
    "store",
    "wire",
    "openapi",
    "shelf",
    "ledger",
    "jobs",
    "audit",
    "keys",
    "partners",
    "identity",
    "consent",
    "agreements",
    "metering",
    "authorization",
    "settlement",
    "journeys",
    "gateway",
    "api",
    "portal",
    "app",
    "cli",
)


@cache
def declarations() -> tuple[ModuleType, ...]:
    """Return the `declares` module of each room, in the order of ROOMS."""
    return tuple(import_module(f"weir.{room}.declares") for room in ROOMS)


def compose(table: str, modules: Iterable[ModuleType] | None = None) -> dict[str, Any]:
    """Return the entries of one table (`EVENTS`, `PREFIXES` ...) of all rooms, by name.

    AssertionError when two rooms declare the same name.
    """
    whole: dict[str, Any] = {}
    for module in declarations() if modules is None else modules:
        for name, entry in getattr(module, table, {}).items():
            assert name not in whole, f"{module.__name__} declares {name} of {table} once more"
            whole[name] = entry
    return whole


@cache
def refusals() -> dict[str, Outcome]:
    """Return every refusal of the platform by its code. AssertionError when two share a code."""
    whole: dict[str, Outcome] = {}
    for module in declarations():
        for value in vars(module).values():
            if isinstance(value, Outcome):  # its own, or one of the kernel that a bound names
                same = whole.setdefault(value.code, value)
                assert same is value, f"two refusals are called {value.code}"
    return whole


@cache
def prefixes() -> dict[str, str]:
    """Return the prefixes of identifiers, each with the kind of thing it names, in English."""
    return compose("PREFIXES")


@cache
def events() -> dict[str, tuple[str, str]]:
    """Return every audit event by name, with its words as (English, Chinese)."""
    return compose("EVENTS")


@cache
def locks() -> dict[str, Lock]:
    """Return every advisory lock by the name of its constant.

    AssertionError when two share a number.
    """
    whole = {
        name: value
        for module in declarations()
        for name, value in vars(module).items()
        if isinstance(value, Lock)
    }
    numbers = [lock.number for lock in whole.values()]
    assert len(numbers) == len(set(numbers)), "two locks have one number"
    return whole


@cache
def periodic() -> dict[str, Periodic]:
    """Return the periodic work of workers by name; `app/worker.py` wires each."""
    return compose("PERIODIC")


@cache
def jobs() -> dict[str, str]:
    """Return every kind of job by name, in words; `app/jobs.py` wires each."""
    return compose("JOBS")


@cache
def steps() -> dict[str, str]:
    """Return every step of a job by name, in words; `app/jobs.py` wires each."""
    return compose("STEPS")


@cache
def bounds() -> dict[str, Bound]:
    """Return the bound of every input from outside, by the input's name in words."""
    return compose("BOUNDS")


@cache
def limits() -> dict[str, int | float]:
    """Return every limit by the name of its constant.

    AssertionError when two rooms give one name different values.
    """
    whole: dict[str, int | float] = {}
    for module in declarations():
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, int | float):
                assert whole.setdefault(name, value) == value, f"two limits are called {name}"
    return whole


def compiled_modules() -> tuple[str, ...]:
    """Return the modules that `scripts/compile.py` compiles, as names within `weir`."""
    return tuple(
        f"{module.__name__.split('.')[1]}.{name}"
        for module in declarations()
        for name in getattr(module, "COMPILED", ())
    )


@cache
def commands() -> dict[str, Command]:
    """Return the commands of `weir`, and its groups of commands, by name."""
    return compose("COMMANDS")


def routers() -> tuple[str, ...]:
    """Return the modules of the management API's routers, as names within `weir.api`."""
    return tuple(name for module in declarations() for name in getattr(module, "ROUTERS", ()))
