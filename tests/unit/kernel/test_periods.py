"""Periods cover all time without a gap, and begin where a calendar of that offset says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.limit_periods import ALIGNMENTS, PERIODS, Alignment, Period, span_at

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda each: timezone(timedelta(minutes=each)))
MOMENTS = st.builds(
    lambda after, offset: datetime(2024, 1, 1, tzinfo=offset) + after,
    st.timedeltas(timedelta(), timedelta(days=2_900)),
    OFFSETS,
)
LATER = st.timedeltas(timedelta(), timedelta(days=800))
A_MICROSECOND = timedelta(microseconds=1)
LONGEST = {"day": 1, "week": 7, "month": 31, "year": 366}


@given(st.sampled_from(PERIODS), st.sampled_from(ALIGNMENTS), MOMENTS, LATER, OFFSETS)
def test_every_moment_is_in_one_period_whoever_looks_from_where(
    period: Period, alignment: Alignment, since: datetime, later: timedelta, elsewhere: timezone
) -> None:
    at = since + later
    span = span_at(period, alignment, since, at)
    assert span.starts_at <= at < span.ends_at
    assert span.ends_at - span.starts_at <= timedelta(days=LONGEST[period])
    assert span_at(period, alignment, since, at.astimezone(elsewhere)) == span
    assert span_at(period, alignment, since, span.ends_at - A_MICROSECOND) == span
    following = span_at(period, alignment, since, span.ends_at)
    assert following.starts_at == span.ends_at
    if alignment == "consent":
        assert span.starts_at >= since
        assert (span.starts_at.hour, span.starts_at.minute) == (since.hour, since.minute)


@given(st.sampled_from(PERIODS), MOMENTS, LATER)
def test_a_calendar_period_begins_at_midnight_of_the_offset_that_was_written(
    period: Period, since: datetime, later: timedelta
) -> None:
    start = span_at(period, "calendar", since, since + later).starts_at
    assert start.utcoffset() == since.utcoffset()
    assert start.time() == datetime.min.time()
    begins = {
        "day": True,
        "week": start.isoweekday() == 1,
        "month": start.day == 1,
        "year": (start.month, start.day) == (1, 1),
    }
    assert begins[period]


@pytest.mark.parametrize(
    ("since", "at", "starts", "ends"),
    [
        ("2027-01-31T09:00", "2027-02-28T08:59", "2027-01-31T09:00", "2027-02-28T09:00"),
        ("2027-01-31T09:00", "2027-02-28T09:00", "2027-02-28T09:00", "2027-03-31T09:00"),
        ("2027-01-31T09:00", "2027-04-30T09:00", "2027-04-30T09:00", "2027-05-31T09:00"),
        ("2028-01-30T00:00", "2028-02-29T00:00", "2028-02-29T00:00", "2028-03-30T00:00"),
        ("2027-12-15T00:00", "2028-01-14T23:59", "2027-12-15T00:00", "2028-01-15T00:00"),
    ],
)
def test_a_month_counted_from_a_day_that_others_lack_ends_on_their_last(
    since: str, at: str, starts: str, ends: str
) -> None:
    begun, now, start, end = (
        datetime.fromisoformat(f"{each}+08:00") for each in (since, at, starts, ends)
    )
    span = span_at("month", "consent", begun, now)
    assert (span.starts_at, span.ends_at) == (start, end)


def test_a_year_counted_from_a_leap_day_ends_on_the_last_of_february() -> None:
    since = datetime(2028, 2, 29, 12, tzinfo=UTC)
    span = span_at("year", "consent", since, datetime(2029, 2, 28, 12, tzinfo=UTC))
    assert span.starts_at == datetime(2029, 2, 28, 12, tzinfo=UTC)
    assert span.ends_at == datetime(2030, 2, 28, 12, tzinfo=UTC)


def test_the_same_moment_is_another_day_in_another_offset() -> None:
    at = datetime(2027, 3, 31, 20, tzinfo=UTC)
    in_china = datetime.fromisoformat("2027-01-01T00:00+08:00")
    assert span_at("month", "calendar", in_china, at).starts_at.month == 4
    assert span_at("month", "calendar", in_china.astimezone(UTC), at).starts_at.month == 3


def test_there_is_no_period_before_a_consent_begins_or_without_an_offset() -> None:
    since = datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="begun"):
        span_at("day", "consent", since, since - A_MICROSECOND)
    with pytest.raises(ValueError, match="offset"):
        span_at("day", "consent", since.replace(tzinfo=None), since)
