"""Periods of a limit on payments: days, weeks, months and years.

A *calendar* period is the day, the week from Monday (ISO 8601), the month or the year as a calendar
shows it. A *consent* period is as long, and is counted from the time at which the consent begins.
Both use the offset from UTC that this time is written with, so that every reader of the consent
finds the same bounds, whatever time zone or zone tables the machine has.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Period = Literal["day", "week", "month", "year"]
Alignment = Literal["calendar", "consent"]
PERIODS: Final[tuple[Period, ...]] = ("day", "week", "month", "year")  # the shortest first
ALIGNMENTS: Final[tuple[Alignment, ...]] = ("calendar", "consent")

_DAYS: Final = {"day": 1, "week": 7}
_MONTHS: Final = {"month": 1, "year": 12}


@dataclass(frozen=True, slots=True)
class Span:
    """A time span that includes `starts_at` and excludes `ends_at`."""

    starts_at: datetime
    ends_at: datetime


def span_at(period: Period, alignment: Alignment, since: datetime, at: datetime) -> Span:
    """Return the period that contains `at`, for a consent that begins at `since`.

    ValueError when `since` has no offset from UTC, or when the alignment is `consent` and `at`
    lies before `since`.
    """
    if since.tzinfo is None:
        raise ValueError("the beginning has no offset from UTC")
    local = at.astimezone(since.tzinfo)
    if alignment == "calendar":
        return _calendar(period, local)
    if local < since:
        raise ValueError("the consent has not begun")
    return _counted(period, since, local)


def _calendar(period: Period, local: datetime) -> Span:
    start = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        start -= timedelta(days=start.weekday())
    elif period == "month":
        start = start.replace(day=1)
    elif period == "year":
        start = start.replace(month=1, day=1)
    if period in _DAYS:
        return Span(start, start + timedelta(days=_DAYS[period]))
    return Span(start, _months_after(start, _MONTHS[period]))


def _counted(period: Period, since: datetime, local: datetime) -> Span:
    if period in _DAYS:
        length = timedelta(days=_DAYS[period])
        start = since + (local - since) // length * length
        return Span(start, start + length)
    length_months = _MONTHS[period]
    passed = (local.year - since.year) * 12 + local.month - since.month
    count = passed // length_months
    if _months_after(since, count * length_months) > local:
        count -= 1
    return Span(
        _months_after(since, count * length_months),
        _months_after(since, (count + 1) * length_months),
    )


def _months_after(since: datetime, months: int) -> datetime:
    """The same day and time some months later; the last day where that month is shorter."""
    year, month = divmod(since.year * 12 + since.month - 1 + months, 12)
    day = min(since.day, monthrange(year, month + 1)[1])
    return since.replace(year=year, month=month + 1, day=day)
