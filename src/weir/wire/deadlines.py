"""Deadlines of many things at the price of one timer.

A timer a connection would cost every call two heap operations; a sweep costs an attribute.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

NEVER: Final = float("inf")


class Mortal(Protocol):
    """Something with a time (of the loop's clock, seconds) after which `expire` is called."""

    deadline_s: float

    def expire(self) -> None: ...


class Deadlines:
    """A set swept every `resolution_s`; expiry is late by at most that much."""

    def __init__(self, loop: asyncio.AbstractEventLoop, resolution_s: float) -> None:
        self._loop = loop
        self._resolution_s = resolution_s
        self._watched: set[Mortal] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, mortal: Mortal) -> None:
        """Have it expire when its time has come, which may be set and moved at any time."""
        self._watched.add(mortal)

    def forget(self, mortal: Mortal) -> None:
        """It is watched no more."""
        self._watched.discard(mortal)

    def __len__(self) -> int:
        return len(self._watched)

    def start(self) -> None:
        """Begin to sweep."""
        self._timer = self._loop.call_later(self._resolution_s, self._sweep)

    def stop(self) -> None:
        """Sweep no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        self.start()
        now_s = self._loop.time()
        for each in [each for each in self._watched if each.deadline_s <= now_s]:
            each.expire()
