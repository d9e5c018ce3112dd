"""Stalls: how long the process itself kept callers waiting at most, by cause.

A timer that comes too late shows that something else held the event loop. On a busy machine it may
also have been another process, so a stall counts only as far as this process was working meanwhile.
A stall shorter than the timer's beat is seen in part; while changes are applied it beats each
millisecond, else more slowly, since each beat wakes an idle processor.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Final

from weir.gateway.config.follower import Follower

LOOP: Final = "loop"  # of any cause
COLLECTION: Final = "collection"  # of garbage
CHANGES: Final = "changes"  # a slice of the configuration's changes
_BEAT_S: Final = 0.02
_QUICK_BEAT_S: Final = 0.001
_WINDOW_S: Final = 15.0


class Stalls:
    """The longest stall of each cause, in the current quarter of a minute and the one before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, follower: Follower) -> None:
        self._loop = loop
        self._following = follower
        self._now = dict.fromkeys((LOOP, COLLECTION, CHANGES), 0.0)
        self._before = dict(self._now)
        self._window_until_s = loop.time() + _WINDOW_S
        self._due_s = 0.0
        self._worked_s = 0.0
        self._collecting_since_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def longest_s(self) -> dict[str, float]:
        """Return the seconds of the longest stall, by cause."""
        return {cause: max(longest, self._before[cause]) for cause, longest in self._now.items()}

    def start(self) -> None:
        """Begin to watch."""
        gc.callbacks.append(self._collection)
        self._wait()

    def stop(self) -> None:
        """Watch no longer."""
        gc.callbacks.remove(self._collection)
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        beat_s = _QUICK_BEAT_S if self._following.applying else _BEAT_S
        self._worked_s = time.process_time()
        self._due_s = self._loop.time() + beat_s
        self._timer = self._loop.call_later(beat_s, self._beat)

    def _beat(self) -> None:
        now_s = self._loop.time()
        if now_s > self._window_until_s:
            self._before, self._now = self._now, dict.fromkeys(self._now, 0.0)
            self._window_until_s = now_s + _WINDOW_S
        self._saw(LOOP, min(now_s - self._due_s, time.process_time() - self._worked_s))
        self._saw(CHANGES, self._following.slices.take_longest_s())
        self._wait()

    def _collection(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collecting_since_s = time.thread_time()
        else:
            self._saw(COLLECTION, time.thread_time() - self._collecting_since_s)

    def _saw(self, cause: str, pause_s: float) -> None:
        self._now[cause] = max(self._now[cause], pause_s)
