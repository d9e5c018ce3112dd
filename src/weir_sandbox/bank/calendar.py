"""The calendar of a history's year: working days, paydays, festivals and seasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

DAYS: Final = 365
"""A history ends the day before the institution's first day and is this long."""

DAY_S: Final = 86_400

_NEW_YEAR: Final = tuple(
    date.fromisoformat(text)
    for text in (
        "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13",
        "2030-02-03", "2031-01-23", "2032-02-11", "2033-01-31", "2034-02-19", "2035-02-08",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Year:
    """The days of a history, counted from 0. A time is `day * 86400 + second of the day`."""

    days: tuple[date, ...]
    weekends: tuple[bool, ...]
    festival: frozenset[int]
    shopping: tuple[float, ...]

    def monthly(self, day_of_month: int) -> Iterator[int]:
        """Yield the same day of every month, as far as the history holds it."""
        for index, day in enumerate(self.days):
            if day.day == day_of_month:
                yield index

    def paydays(self, day_of_month: int) -> Iterator[int]:
        """Yield a day of every month, or the last working day before it at a weekend."""
        for index in self.monthly(day_of_month):
            while self.weekends[index] and index > 0:
                index -= 1
            yield index

    def quarterly(self, day_of_month: int) -> Iterator[int]:
        """Yield a day of March, June, September and December."""
        return (i for i in self.monthly(day_of_month) if self.days[i].month % 3 == 0)

    def at(self, day: int, hour: int, minute: int = 0) -> int:
        """Return a time of a day, in seconds from the start of the history."""
        return day * DAY_S + hour * 3600 + minute * 60


def year_before(first_day: date) -> Year:
    """Return the history's year, which ends the day before `first_day`."""
    days = tuple(first_day - timedelta(days=DAYS - index) for index in range(DAYS))
    festival = frozenset(
        index
        for index, day in enumerate(days)
        if any(-1 <= (day - new_year).days <= 6 for new_year in _NEW_YEAR)
    )
    return Year(
        days=days,
        weekends=tuple(day.weekday() >= 5 for day in days),
        festival=festival,
        shopping=tuple(_shopping(day) for day in days),
    )


def _shopping(day: date) -> float:
    """Return a day's factor of shopping: more on 18 June, 11 November and at the year's end."""
    if (day.month, day.day) in {(11, 10), (11, 11), (11, 12)}:
        return 5.0
    if day.month == 6 and 16 <= day.day <= 18:
        return 3.0
    return 1.3 if day.month in (1, 12) else 1.0
