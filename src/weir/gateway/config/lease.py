"""The lease under which this process may believe its snapshot; `follower.py` renews it."""

from __future__ import annotations

import asyncio
from typing import final


@final
class Lease:
    """Ends of what may be served. Times are the loop's clock, in seconds."""

    __slots__ = ("_loop", "_unconfirmed_s", "until_s")

    def __init__(self, loop: asyncio.AbstractEventLoop, unconfirmed_s: float) -> None:
        self._loop = loop
        self._unconfirmed_s = unconfirmed_s  # own-right calls are served this long after the lease
        self.until_s = 0.0  # consented calls are served

    def holds(self) -> bool:
        """Whether consented calls may be served right now."""
        return self._loop.time() < self.until_s

    def standing_holds(self) -> bool:
        """Whether own-right calls may be served, for `unconfirmed_s` after the lease too.

        Revocations of that time may then not be known yet.
        """
        return self._loop.time() < self.until_s + self._unconfirmed_s

    def left_s(self) -> float:
        """Return the seconds until the lease ends; 0 when it has ended."""
        return max(0.0, self.until_s - self._loop.time())
