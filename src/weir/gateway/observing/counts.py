"""What calls count up: plain integers, made into metrics when asked (`metrics.py`)."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, final

_BUCKETS: Final = 28  # powers of two of a microsecond, up to 134 s


@final
class Counts:
    """One addition and two look-ups a call."""

    __slots__ = ("calls", "duration_us", "durations", "passed", "unidentified")

    def __init__(self) -> None:
        self.calls: dict[tuple[int, str], int] = {}  # by status and refusal
        self.unidentified: defaultdict[str, int] = defaultdict(int)  # by refusal, this minute
        self.passed: defaultdict[str, int] = defaultdict(int)
        self.durations = [0] * _BUCKETS
        self.duration_us = 0

    def nobody(self, refusal: str) -> None:
        """Count a call that nobody was identified for."""
        self.unidentified[refusal] += 1

    def minute(self) -> dict[str, int]:
        """How many such calls there were since this was last asked, by their refusal."""
        counted = dict(self.unidentified)
        self.unidentified.clear()
        return counted

    def call(self, status: int, refusal: str, duration_us: int) -> None:
        """Count one call."""
        what = (status, refusal)
        self.calls[what] = self.calls.get(what, 0) + 1
        self.duration_us += duration_us
        self.durations[min(duration_us.bit_length(), _BUCKETS - 1)] += 1
