"""Counters of calls: plain integers, made into metrics when asked (`gateway/front/metrics.py`)."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, final

_BUCKETS: Final = 28  # powers of two of a microsecond, up to 134 s


@final
class Counts:
    """Counters of one process, at the cost of one addition and two look-ups a call."""

    __slots__ = ("calls", "duration_us", "durations", "passed", "unidentified")

    def __init__(self) -> None:
        self.calls: dict[tuple[int, str], int] = {}  # by status and refusal
        self.unidentified: defaultdict[str, int] = defaultdict(int)  # by refusal, this minute
        self.passed: defaultdict[str, int] = defaultdict(int)
        self.durations = [0] * _BUCKETS
        self.duration_us = 0

    def count_unidentified(self, refusal: str) -> None:
        """Count a call without an identified application, by its refusal."""
        self.unidentified[refusal] += 1

    def take_unidentified(self) -> dict[str, int]:
        """Return the calls without an application since the last time,
        by refusal, and begin anew.
        """
        counted = dict(self.unidentified)
        self.unidentified.clear()
        return counted

    def count_call(self, status: int, refusal: str, duration_us: int) -> None:
        """Count one call. `refusal` is its code, or empty."""
        outcome = (status, refusal)
        self.calls[outcome] = self.calls.get(outcome, 0) + 1
        self.duration_us += duration_us
        self.durations[min(duration_us.bit_length(), _BUCKETS - 1)] += 1
