"""Deadlines of many things at the price of one timer.

A timer a connection would cost every call two heap operations; a sweep costs an attribute.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

NEVER: Final = float("inf")
# A sweep that comes so late comes from a process that did not run, or had no time for anything.
_STALLED_S: Final = 0.5
_GRACE_S: Final = 1.0


class Expirable(Protocol):
    """A thing with a time (of the loop's clock, seconds) after which `expire` is called."""

    deadline_s: float

    def expire(self) -> None: ...


class Deadlines:
    """A set swept every `resolution_s`; expiry is late by at most that much.

    After a stall of the process nothing expires at once: the awaited bytes may have come meanwhile,
    and lie unread in a socket. Reading them has a second's grace, which a process that stalls all
    the time has half of the time at most.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, resolution_s: float) -> None:
        self._loop = loop
        self._resolution_s = resolution_s
        self._watched: set[Expirable] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = NEVER
        self._grace_until_s = -NEVER

    def watch(self, item: Expirable) -> None:
        """Have it expire when its time has come, which may be set and moved at any time."""
        self._watched.add(item)

    def forget(self, item: Expirable) -> None:
        """Watch it no more."""
        self._watched.discard(item)

    def __len__(self) -> int:
        return len(self._watched)

    def start(self) -> None:
        """Begin to sweep."""
        self._due_s = self._loop.time() + self._resolution_s
        self._timer = self._loop.call_later(self._resolution_s, self._sweep)

    def stop(self) -> None:
        """Sweep no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        now_s = self._loop.time()
        if now_s - self._due_s > _STALLED_S and now_s > self._grace_until_s + _GRACE_S:
            self._grace_until_s = now_s + _GRACE_S
        self.start()
        if now_s < self._grace_until_s:
            return
        for each in [each for each in self._watched if each.deadline_s <= now_s]:
            each.expire()
