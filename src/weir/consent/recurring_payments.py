"""Recurring payments: what a customer allows once, and what each payment under it is held to.

The bounds are those the field knows as control parameters of variable recurring payments, or as a
mandate for collections: an amount that no payment may pass, amounts that all payments of a day, a
week, a month or a year together may not pass, one payee, a beginning and an end.
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
    """An entry that its schema lets pass and that says nothing sensible; `pointer` says where."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(why)
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class PeriodicLimit:
    """What all payments of one period together may not pass. `place` is its index in the entry."""

    period: Period
    alignment: Alignment
    amount: Money
    place: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A limit at one moment: the period counted, by a name of its own, from when until when."""

    limit: PeriodicLimit
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Mandate:
    """The bounds of a recurring payment, periodic limits from the shortest period to the longest.

    `since` keeps the offset from UTC it was written with: periods are counted in it.
    """

    payee: str
    maximum: Money
    limits: tuple[PeriodicLimit, ...]
    since: datetime
    until: datetime

    def allows(self, amount: Money, payee: str) -> bool:
        """Whether one payment is within what holds for each."""
        same = payee == self.payee and amount.currency == self.maximum.currency
        return same and 0 < amount.amount_minor <= self.maximum.amount_minor

    def counted_at(self, at: datetime) -> tuple[Counted, ...]:
        """Each limit with the period that `at` falls in. ValueError before `since`."""
        return tuple(_counted(limit, self.since, at) for limit in self.limits)


def read(entry: Mapping[str, Any]) -> Mandate:
    """The bounds of an entry that its schema lets pass. IncoherentError: an amount is none."""
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
    """IncoherentError when the bounds contradict each other, so that one of them could never count.

    A period has one limit; a longer period's is no less than a shorter one's, and none is less than
    the amount of one payment.
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


def _counted(limit: PeriodicLimit, since: datetime, at: datetime) -> Counted:
    span = span_at(limit.period, limit.alignment, since, at)
    return Counted(limit, f"{limit.period}:{span.starts_at.isoformat()}", span)
