"""Clocks, which `app/` passes to the rooms, and times as text (RFC 3339)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time.

    `now` is the wall-clock time in UTC. `monotonic_s` is in seconds, never goes back, and means
    something only as a difference of two readings.
    """

    def now(self) -> datetime: ...

    def monotonic_s(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()


def moment(at: datetime) -> str:
    """Return a time as RFC 3339 text in UTC with microseconds, one form for signed documents."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """Read an RFC 3339 time and return it in UTC. ValueError when it is not one or has no zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time has no zone")
    return at.astimezone(UTC)
