"""Time as a value: rooms take a clock, `app.py` gives them the real one. And as text."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """`now` is wall-clock time in UTC; `monotonic_s` only ever grows and has no meaning alone."""

    def now(self) -> datetime: ...

    def monotonic_s(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()


def moment(at: datetime) -> str:
    """A time as documents that are signed or hashed write it: RFC 3339, UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """An RFC 3339 time. ValueError when it is not one or has no zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time has no zone")
    return at.astimezone(UTC)
