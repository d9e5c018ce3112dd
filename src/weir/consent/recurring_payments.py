"""Mandates of recurring payments: bounds that a customer sets once and every payment must keep.

The field knows them as control parameters of variable recurring payments, or as a mandate for
collections: a maximum for each payment, maximums for the sum of all payments of a day, a week, a
month or a year, one payee, a beginning and an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from weir.kernel.limit_periods import PERIODS, Alignment, Period, Span, span_at
from weir.kernel.money import Money, parse_amount


class IncoherentError(ValueError):
    """An entry that fits its schema but contradicts itself. `pointer` names the place."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(why)
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class PeriodicLimit:
    """The maximum for the sum of all payments of one period.

    `place` is the index of the limit in the entry.
    """

    period: Period
    alignment: Alignment
    amount: Money
    place: int


@dataclass(frozen=True, slots=True)
class LimitPeriod:
    """A limit with its present period: the period's name and its time span."""

    limit: PeriodicLimit
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Mandate:
    """The bounds of recurring payments under one consent.

    `maximum` holds for each payment. `limits` go from the shortest period to the longest. `since`
    keeps the offset from UTC that it was written with, since periods are counted in it.
    """

    payee: str
    maximum: Money
    limits: tuple[PeriodicLimit, ...]
    since: datetime
    until: datetime

    def allows(self, amount: Money, payee: str) -> bool:
        """Whether one payment keeps the bounds of each payment: payee, currency and maximum."""
        same = payee == self.payee and amount.currency == self.maximum.currency
        return same and 0 < amount.amount_minor <= self.maximum.amount_minor

    def limit_periods_at(self, at: datetime) -> tuple[LimitPeriod, ...]:
        """Return each limit with the period that contains `at`. ValueError before `since`."""
        return tuple(_counted(limit, self.since, at) for limit in self.limits)


def read(entry: Mapping[str, Any]) -> Mandate:
    """Return the mandate in an entry that fits its schema. IncoherentError for a wrong amount."""
    currency: str = entry["currency"]
    listed = [
        PeriodicLimit(
            each["period"],
            each["alignment"],
            _amount(each["amount"], currency, f"/periodic_limits/{place}/amount"),
            place,
        )
        for place, each in enumerate(entry["periodic_limits"])
    ]
    return Mandate(
        payee=entry["payee"]["account"],
        maximum=_amount(entry["maximum_individual_amount"], currency, "/maximum_individual_amount"),
        limits=tuple(sorted(listed, key=lambda each: PERIODS.index(each.period))),
        since=datetime.fromisoformat(entry["valid_from"]),
        until=datetime.fromisoformat(entry["expires_at"]),
    )


def check(mandate: Mandate) -> None:
    """Raise IncoherentError when the bounds contradict each other, so that one has no effect.

    A period has one limit. The limit of a longer period is not less than that of a shorter one, and
    no limit is less than the maximum of one payment.
    """
    if mandate.since >= mandate.until:
        raise IncoherentError("/valid_from", "must lie before expires_at")
    for shorter, longer in pairwise(mandate.limits):
        if shorter.period == longer.period:
            place = max(shorter.place, longer.place)
            raise IncoherentError(f"/periodic_limits/{place}/period", "is limited twice")
        if longer.amount < shorter.amount:
            where = f"/periodic_limits/{longer.place}/amount"
            raise IncoherentError(where, "is less than the limit of a shorter period")
    first = mandate.limits[0]
    if first.amount < mandate.maximum:
        where = f"/periodic_limits/{first.place}/amount"
        raise IncoherentError(where, "is less than maximum_individual_amount")


def _amount(text: str, currency: str, pointer: str) -> Money:
    try:
        amount = parse_amount(text, currency)
    except ValueError as error:
        raise IncoherentError(pointer, "not an amount of this currency") from error
    if amount.amount_minor == 0:
        raise IncoherentError(pointer, "must be more than zero")
    return amount


def _counted(limit: PeriodicLimit, since: datetime, at: datetime) -> LimitPeriod:
    span = span_at(limit.period, limit.alignment, since, at)
    return LimitPeriod(limit, f"{limit.period}:{span.starts_at.isoformat()}", span)
