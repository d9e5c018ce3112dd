"""Periods that are closed: a month of UTC, or an interval of two times. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from weir.kernel.inputs import wrong

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_TIME = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z")


@dataclass(frozen=True, slots=True)
class Period:
    """A period from `since` up to and without `until`; `name` is its only notation."""

    name: str
    since: datetime
    until: datetime


def parse_period(text: str, pointer: str = "/period") -> Period:
    """Read `2026-11`, or an ISO 8601 interval `2026-11-01T00:00:00Z/2026-11-08T00:00:00Z`.

    INVALID_INPUT at `pointer` for any other text.
    """
    month = _MONTH.fullmatch(text)
    if month is not None:
        year, number = int(month[1]), int(month[2])
        since = datetime(year, number, 1, tzinfo=UTC)
        return Period(text, since, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC))
    ends = text.split("/")
    if len(ends) == 2 and all(_TIME.fullmatch(end) for end in ends):
        try:
            since, until = (datetime.fromisoformat(end) for end in ends)
        except ValueError:
            since = until = datetime.min.replace(tzinfo=UTC)
        if since < until:
            return Period(text, since, until)
    raise wrong(
        pointer,
        "must be a month such as 2026-11, or two times in UTC such as"
        " 2026-11-01T00:00:00Z/2026-11-08T00:00:00Z",
        "须为月份（如 2026-11），或两个 UTC 时间（如 2026-11-01T00:00:00Z/2026-11-08T00:00:00Z）",
    )


def interval(since: datetime, until: datetime) -> str:
    """Return the name of an explicit period; times are cut to whole seconds."""
    return "/".join(f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for end in (since, until))
