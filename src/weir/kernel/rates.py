"""Rates of requests by name, such as a client or an address, counted in one process.

They cost no round trip: a request is admitted by one look-up. So a rate is what one process admits,
and what several admit together is that many times as much, as is what they can do.
"""

from __future__ import annotations

from math import ceil
from typing import Final, final

from weir.kernel.declares import RATE_NAMES

_OTHERS: Final = ""


@final
class Rates:
    """A rate for each of many names: `a_second` requests, and `at_once` of them together.

    Each name has one number, the time at which all it has sent would have been due (the generic
    cell rate algorithm, ITU-T I.371 annex A). Of names beyond RATE_NAMES that are all busy, the
    later ones share one rate.
    """

    __slots__ = ("_at_once_s", "_due_s", "_pause_s", "_swept_s")

    def __init__(self, a_second: float, at_once: int) -> None:
        self._pause_s = 1.0 / a_second
        self._at_once_s = (at_once - 1) / a_second
        self._due_s: dict[str, float] = {}
        self._swept_s = 0.0

    def wait_s(self, name: str, now_s: float) -> int:
        """Return 0 if one more request may come now (monotonic seconds), else the whole seconds to
        wait for it.
        """
        early_s = self._due_s.get(self._known(name, now_s), 0.0) - now_s - self._at_once_s
        return 0 if early_s <= 0.0 else ceil(early_s)

    def count(self, name: str, now_s: float) -> None:
        """Count a request that came now."""
        known = self._known(name, now_s)
        self._due_s[known] = max(self._due_s.get(known, 0.0), now_s) + self._pause_s

    def take_s(self, name: str, now_s: float) -> int:
        """Count a request and return 0 if it may come now, else the whole seconds to wait."""
        wait_s = self.wait_s(name, now_s)
        if wait_s == 0:
            self.count(name, now_s)
        return wait_s

    def __len__(self) -> int:
        return len(self._due_s)

    def _known(self, name: str, now_s: float) -> str:
        """Return the name to count: `_OTHERS` for a new one while RATE_NAMES others are busy."""
        if name in self._due_s or len(self._due_s) < RATE_NAMES:
            return name
        if now_s - self._swept_s >= 1.0:
            self._swept_s = now_s
            self._due_s = {each: due_s for each, due_s in self._due_s.items() if due_s > now_s}
        return name if len(self._due_s) < RATE_NAMES else _OTHERS
