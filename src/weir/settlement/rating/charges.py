"""Charges of a plan for a period, from its pricing and counts of calls. Pure.

Amounts are exact fractions of major units; only the statement's line is rounded, once. The same
counts give the same charge wherever and however often it is computed, so a supplement charges the
difference between the charge for everything known now and the charge before.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from weir.agreements.shares import Rounding
from weir.kernel.money import MINOR_DIGITS, Money
from weir.shelf.pricing import (
    Component,
    Fixed,
    Hours,
    Package,
    PerCall,
    Pricing,
    Tier,
    Tiered,
    Value,
    Volume,
)

# Value charges are summed as whole numbers of 10^-16 major units: eight places of the amount times
# eight of the rate, so that every engine that has 128-bit integers sums them alike.
VALUE_UNITS: Final = 10**16

# More than any charge; a number and not null, so that every engine compares alike.
_WITHOUT_CAP: Final = 10**37


@dataclass(frozen=True, slots=True)
class Tally:
    """One partner's use of one plan within a period, from which a charge is computed.

    `by_utc_hour` counts the billable calls by the hour of day they arrived in and is needed where a
    plan has hours; `value_units` is the sum of `value_charge` over the billable calls and is needed
    where it has a value component. `months` is the time its subscriptions were active, in months.
    """

    billable_calls: int
    value_calls: int = 0
    value_units: int = 0
    by_utc_hour: tuple[int, ...] = ()
    months: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a charge. `component` is its index in the pricing, `step` the tier or band.

    `quantity` is calls, or for a monthly price the months; `price` is for one call or month, None
    where each call was charged by its value. `amount` is in major units.
    """

    component: int
    kind: str
    step: int
    quantity: Fraction
    price: str | None
    amount: Fraction


# Kinds of parts that are owed by the month, whether or not a call is made.
MONTHLY: Final = frozenset({"package", "fixed"})


def charge(pricing: Pricing, tally: Tally) -> list[Part]:
    """Return the parts of a charge, in the pricing's order, without parts of quantity 0."""
    parts = (
        part
        for index, component in enumerate(pricing.components)
        for part in _parts(index, component, tally)
    )
    return [part for part in parts if part.quantity]


def total(parts: list[Part]) -> Fraction:
    """Return the exact sum of a charge in major units."""
    return sum((part.amount for part in parts), Fraction(0))


def value_charge(value: Value, amount_minor: int, currency: str) -> int:
    """Return the charge by value for one call that moves an amount.

    One major unit is `VALUE_UNITS` of the result.
    """
    rate, lowest, highest = value_bounds(value, currency)
    return min(max(amount_minor * rate, lowest), highest)


def value_bounds(value: Value, currency: str) -> tuple[int, int, int]:
    """Return the charge for a minor unit, the floor and the cap.

    One major unit is `VALUE_UNITS` of each.
    """
    scale: int = 10 ** (8 - MINOR_DIGITS[currency])
    highest = _WITHOUT_CAP if value.cap is None else _eighths(value.cap) * 10**8
    return _eighths(value.rate) * scale, _eighths(value.floor) * 10**8, highest


def months_between(since: datetime, until: datetime) -> Fraction:
    """Return the months in a span of time; a day is a fraction of its own month's days (UTC).

    A whole calendar month is exactly 1, so a monthly price is exact in a monthly statement.
    """
    months = Fraction(0)
    at = since.astimezone(UTC)
    until = until.astimezone(UTC)
    while at < until:
        first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        days = calendar.monthrange(at.year, at.month)[1]
        end = min(until, first + timedelta(days=days))
        months += Fraction((end - at) // _MICROSECOND, days * _DAY_US)
        at = end
    return months


def round_amount(amount: Fraction, currency: str, rounding: Rounding = "half_even") -> Money:
    """Round an exact amount of major units to whole minor units by the named rule.

    `down` is towards zero and `up` away from it, so that a credit is rounded as its charge was.
    """
    minor = amount * 10 ** MINOR_DIGITS[currency]
    if rounding == "half_even":
        return Money(round(minor), currency)
    size, sign = abs(minor), 1 if minor >= 0 else -1
    whole = size.numerator // size.denominator
    rest = size - whole
    if (rounding == "up" and rest) or (rounding == "half_up" and rest >= Fraction(1, 2)):
        whole += 1
    return Money(sign * whole, currency)


def format_exact(value: Fraction) -> str:
    """Write a fraction as a decimal where one ends, else as `n/d`."""
    denominator, twos, fives = value.denominator, 0, 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    if denominator != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * (10**places // value.denominator)).rjust(places + 1, "0")
    whole, rest = digits[: len(digits) - places], digits[len(digits) - places :]
    return ("-" if value < 0 else "") + (f"{whole}.{rest}" if rest else whole)


_MICROSECOND: Final = timedelta(microseconds=1)
_DAY_US: Final = timedelta(days=1) // _MICROSECOND


def _parts(index: int, component: Component, tally: Tally) -> Iterator[Part]:
    calls = tally.billable_calls
    match component:
        case PerCall(price):
            yield _priced(index, "per_call", 0, Fraction(calls), price)
        case Tiered(tiers):
            for step, (tier, within) in enumerate(_spread(tiers, calls)):
                yield _priced(index, "tiered", step, Fraction(within), tier.price)
        case Volume(tiers):
            step = next(
                i for i, tier in enumerate(tiers) if tier.up_to is None or calls <= tier.up_to
            )
            yield _priced(index, "volume", step, Fraction(calls), tiers[step].price)
        case Package(price, included, overage):
            yield _priced(index, "package", 0, tally.months, price)
            over = max(Fraction(0), calls - included * tally.months)
            yield _priced(
                index, "overage", 1, Fraction(over.numerator // over.denominator), overage
            )
        case Value():
            amount = Fraction(tally.value_units, VALUE_UNITS)
            yield Part(index, "value", 0, Fraction(tally.value_calls), None, amount)
        case Fixed(price):
            yield _priced(index, "fixed", 0, tally.months, price)
        case Hours(bands=bands) as hours:
            for step, band in enumerate(bands):
                within = hours.calls_within(step, tally.by_utc_hour)
                yield _priced(index, "hours", step, Fraction(within), band.price)


def _priced(index: int, kind: str, step: int, quantity: Fraction, price: str) -> Part:
    return Part(index, kind, step, quantity, price, quantity * Fraction(price))


def _spread(tiers: list[Tier], calls: int) -> Iterator[tuple[Tier, int]]:
    """Yield each tier with the number of the period's calls that fall into it."""
    before = 0
    for tier in tiers:
        end = calls if tier.up_to is None else min(calls, tier.up_to)
        yield tier, max(0, end - before)
        before = max(before, end)


def _eighths(price: str) -> int:
    """Return a price in units of 10^-8, exact because it has at most 8 decimal places."""
    return int(Fraction(price) * 10**8)
