"""The price of a month under a plan, by the same sums as the closing of a period. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from weir.kernel.money import MINOR_DIGITS, Money
from weir.portal.declares import CALCULATOR_CALLS
from weir.settlement.rating.charges import (
    MONTHLY,
    Part,
    Tally,
    charge,
    round_amount,
    total,
    value_charge,
)
from weir.shelf.plans import Plan
from weir.shelf.pricing import Pricing, Value

_HOURS: Final = 24
_AMOUNT_MAX: Final = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A month's use: the number of calls, and the amount each moves where a plan charges by it."""

    calls: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A plan with the price of the month. `quota_exceeded`: it does not allow so many calls."""

    plan: Plan
    price: Money
    tax: Money | None
    quota_exceeded: bool

    @property
    def whole(self) -> Money:
        """The price with the tax."""
        return self.price if self.tax is None else self.price + self.tax


def read_use(calls: str, amount: str) -> Use:
    """Read a typed use, within bounds; a number out of bounds becomes the nearest, other text 0."""
    return Use(calls=int(_number(calls, CALCULATOR_CALLS)), amount=_number(amount, _AMOUNT_MAX))


def estimates(plans: Sequence[Plan], use: Use) -> list[Estimate]:
    """Estimate every plan; those whose quota suffices first, then the cheapest."""
    found = [estimate(plan, use) for plan in plans]
    return sorted(found, key=lambda each: (each.quota_exceeded, each.whole.amount_minor))


def estimate(plan: Plan, use: Use) -> Estimate:
    """Estimate one plan. Calls are spread evenly over the hours of the day."""
    parts = charge(plan.pricing, _tally(plan.pricing, plan.currency, use))
    tax = plan.pricing.tax
    return Estimate(
        plan=plan,
        price=_rounded(parts, plan.currency, Fraction(1)),
        tax=None if tax is None else _rounded(parts, plan.currency, Fraction(tax.rate)),
        quota_exceeded=plan.quota is not None and use.calls > _allowed(plan),
    )


def _rounded(parts: Sequence[Part], currency: str, rate: Fraction) -> Money:
    """Round as a statement does: monthly charges and charges for calls apart, as lines of their
    own.
    """
    month = [part for part in parts if part.kind in MONTHLY]
    calls = [part for part in parts if part.kind not in MONTHLY]
    return round_amount(total(month) * rate, currency) + round_amount(total(calls) * rate, currency)


def _tally(pricing: Pricing, currency: str, use: Use) -> Tally:
    value = pricing.find(Value)
    share, rest = divmod(use.calls, _HOURS)
    each = 0
    if value is not None:
        minor = int(use.amount * 10 ** MINOR_DIGITS[currency])
        each = value_charge(value, minor, currency)
    return Tally(
        billable_calls=use.calls,
        value_calls=use.calls if value is not None else 0,
        value_units=each * use.calls,
        by_utc_hour=tuple(share + (hour < rest) for hour in range(_HOURS)),
        months=Fraction(1),
    )


def _allowed(plan: Plan) -> int:
    """Return the calls that the quota allows in a month of thirty days."""
    assert plan.quota is not None
    return plan.quota * (30 if plan.quota_period == "day" else 1)


def _number(text: str, most: int) -> Decimal:
    try:
        value = Decimal(text.strip().replace(",", "") or "0")
    except InvalidOperation:
        return Decimal(0)
    return min(max(value, Decimal(0)), Decimal(most)) if value.is_finite() else Decimal(0)
