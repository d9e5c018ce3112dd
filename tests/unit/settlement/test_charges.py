"""A charge is a function of pricing, period and counts: exact, and its parts are the whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.money import Money
from weir.settlement.rating.charges import (
    VALUE_UNITS,
    Rounding,
    Tally,
    charge,
    months_between,
    round_amount,
    total,
    value_charge,
)
from weir.shelf.pricing import Pricing, Value, read_pricing

PRICES = st.decimals(0, 1000, places=4).map(lambda price: format(price, "f"))
COUNTS = st.integers(0, 10**9)


def priced(*components: dict[str, Any]) -> Pricing:
    return read_pricing({"components": list(components)})


@st.composite
def tiers(draw: st.DrawFn) -> list[dict[str, Any]]:
    ends = sorted(draw(st.sets(st.integers(1, 10**6), max_size=6)))
    return [{"up_to": end, "price": draw(PRICES)} for end in [*ends, None]]


def amount(pricing: Pricing, **tally: Any) -> Fraction:
    return total(charge(pricing, Tally(**tally)))


def test_a_tier_prices_only_the_calls_that_fall_into_it() -> None:
    bands = [{"up_to": 1000, "price": "0.05"}, {"up_to": None, "price": "0.03"}]
    graduated, volume = (
        priced({"kind": "tiered", "tiers": bands}),
        priced({"kind": "volume", "tiers": bands}),
    )
    assert amount(graduated, billable_calls=1500) == 1000 * Fraction("0.05") + 500 * Fraction(
        "0.03"
    )
    assert amount(volume, billable_calls=1500) == 1500 * Fraction("0.03")
    assert amount(volume, billable_calls=1000) == 1000 * Fraction("0.05")


def test_a_package_includes_its_calls_by_the_month() -> None:
    package = priced({"kind": "package", "price": "100", "calls": 1000, "overage": "0.2"})
    whole = charge(package, Tally(billable_calls=1010, months=Fraction(1)))
    assert [(part.kind, part.quantity, part.amount) for part in whole] == [
        ("package", 1, 100),
        ("overage", 10, 2),
    ]
    assert amount(package, billable_calls=1010, months=Fraction(1, 2)) == 50 + 510 * Fraction("0.2")


def test_hours_price_a_call_by_its_own_time_of_day() -> None:
    bands = [{"since": 8, "price": "3"}, {"since": 20, "price": "1"}]
    hours = priced({"kind": "hours", "utc_offset_hours": 8, "bands": bands})
    calls = [0] * 24
    calls[0], calls[12], calls[23] = 10, 5, 2  # 08:00, 20:00 and 07:00 in Shanghai
    parts = charge(hours, Tally(billable_calls=17, by_utc_hour=tuple(calls)))
    assert [(part.step, part.quantity, part.amount) for part in parts] == [(0, 10, 30), (1, 7, 7)]


@pytest.mark.parametrize(
    ("minor", "charged"),
    [(100, "0.10"), (10_000, "0.60"), (100_000_000, "50"), (2_777, "0.16662")],
)
def test_a_share_of_the_value_stays_between_floor_and_cap(minor: int, charged: str) -> None:
    value = Value(rate="0.006", floor="0.1", cap="50")
    assert Fraction(value_charge(value, minor, "CNY"), VALUE_UNITS) == Fraction(charged)


@given(st.integers(0, 10**17), PRICES.filter(lambda p: Fraction(p) <= 1))
def test_without_bounds_the_value_charge_is_the_exact_product(minor: int, rate: str) -> None:
    charged = Fraction(value_charge(Value(rate), minor, "KWD"), VALUE_UNITS)
    assert charged == Fraction(minor, 1000) * Fraction(rate)


@given(tiers(), COUNTS)
def test_the_calls_of_all_tiers_are_the_calls(bands: list[dict[str, Any]], calls: int) -> None:
    parts = charge(priced({"kind": "tiered", "tiers": bands}), Tally(calls))
    assert sum(part.quantity for part in parts) == calls
    assert all(part.amount == part.quantity * Fraction(part.price or "0") for part in parts)


@given(tiers(), COUNTS, COUNTS)
def test_more_calls_never_cost_less_by_tier(
    bands: list[dict[str, Any]], calls: int, more: int
) -> None:
    pricing = priced({"kind": "tiered", "tiers": bands})
    assert amount(pricing, billable_calls=calls) <= amount(pricing, billable_calls=calls + more)


@given(PRICES, COUNTS, COUNTS)
def test_a_supplement_and_what_was_charged_are_what_all_would_cost_together(
    price: str, before: int, late: int
) -> None:
    pricing = priced({"kind": "per_call", "price": price}, {"kind": "fixed", "price": price})
    earlier = amount(pricing, billable_calls=before, months=Fraction(1))
    together = amount(pricing, billable_calls=before + late, months=Fraction(1))
    assert together - earlier == late * Fraction(price)


DAYS = st.integers(0, 4000 * 86_400).map(
    lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)


@given(DAYS, DAYS, DAYS)
def test_months_add_up_however_time_is_cut(one: datetime, two: datetime, three: datetime) -> None:
    first, middle, last = sorted((one, two, three))
    parts = months_between(first, middle) + months_between(middle, last)
    assert parts == months_between(first, last)


@pytest.mark.parametrize("month", range(1, 13))
def test_a_calendar_month_is_one(month: int) -> None:
    since = datetime(2028, month, 1, tzinfo=UTC)
    until = (since + timedelta(days=31)).replace(day=1)
    assert months_between(since, until) == 1


@pytest.mark.parametrize(
    ("rule", "fen"),
    [("half_even", (2, -2, 1)), ("half_up", (3, -3, 1)), ("down", (2, -2, 1)), ("up", (3, -3, 2))],
)
def test_a_line_is_rounded_once_by_the_rule_that_was_agreed(
    rule: Rounding, fen: tuple[int, int, int]
) -> None:
    exact = (Fraction("0.025"), Fraction("-0.025"), Fraction("0.0101"))
    assert tuple(round_amount(each, "CNY", rule) for each in exact) == tuple(
        Money(each, "CNY") for each in fen
    )


@given(st.fractions(), st.sampled_from(["half_even", "half_up", "down", "up"]))
def test_a_credit_is_rounded_as_its_charge(exact: Fraction, rule: Rounding) -> None:
    minor = round_amount(exact, "CNY", rule).amount_minor
    assert round_amount(-exact, "CNY", rule).amount_minor == -minor
    assert abs(minor - exact * 100) < 1
