"""Long work in short slices, so that the event loop gets its turn after at most a millisecond.

The work is cut into units that are short by themselves, and before each the time is looked at. A
fifth of `CHANGE_SLICE_S` is worked before a turn is given; the rest is for the unit that was begun
just before that was over. Time is the thread's own: while another process has the processor, an
earlier turn would help no call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from weir.gateway.declares import CHANGE_SLICE_S

_WORK_S: Final = CHANGE_SLICE_S / 5


class Slices:
    """Does work a slice at a time. `longest_s` is the longest slice so far."""

    def __init__(self, clock_s: Callable[[], float] = time.thread_time) -> None:
        self.longest_s = 0.0
        self._clock_s = clock_s
        self._began_s: float | None = None

    async def work(self, units: Iterable[object]) -> None:
        """Do all units: to take one from the iterable is to do it.

        A slice that was begun before goes on, so that many short pieces of work share it.
        """
        if self._began_s is None:
            self._began_s = self._clock_s()
        for _ in units:
            worked_s = self._clock_s() - self._began_s
            if worked_s >= _WORK_S:
                self.longest_s = max(self.longest_s, worked_s)
                await asyncio.sleep(0)
                self._began_s = self._clock_s()

    def take_longest_s(self) -> float:
        """Return the seconds of the longest slice since the last time, and begin anew."""
        longest_s, self.longest_s = self.longest_s, 0.0
        return longest_s

    def rest(self) -> None:
        """End the slice here, since the loop gets its turn by other means."""
        if self._began_s is not None:
            self.longest_s = max(self.longest_s, self._clock_s() - self._began_s)
            self._began_s = None
