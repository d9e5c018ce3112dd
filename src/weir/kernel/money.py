"""Money: whole minor units and a currency, never a float.

Prices are decimals with up to eight places; they become money once, at a line of a statement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

# ISO 4217 minor units of the currencies the platform settles in.
MINOR_DIGITS: Final = {
    "CNY": 2, "USD": 2, "EUR": 2, "GBP": 2, "HKD": 2, "SGD": 2, "JPY": 0, "KRW": 0, "KWD": 3,
}  # fmt: skip

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,3}))?")
_PRICE = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.[0-9]{1,8})?")


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (fen, cents) of one ISO 4217 currency."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in MINOR_DIGITS:
            raise ValueError(f"unknown currency {self.currency!r}")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add")
        return other.amount_minor

    def decimal(self) -> Decimal:
        """Return the exact amount in major units."""
        return Decimal(self.amount_minor).scaleb(-MINOR_DIGITS[self.currency])

    def __str__(self) -> str:
        sign = "\u2212" if self.amount_minor < 0 else ""
        return f"{self.currency} {sign}{abs(self.decimal()):,.{MINOR_DIGITS[self.currency]}f}"


def parse_amount(text: str, currency: str) -> Money:
    """Read a decimal string such as `100.00` exactly. ValueError when it is not one.

    No sign, no exponent, no leading zero, and no more decimal places than the currency has: a text
    that two parsers could read differently is refused.
    """
    found = _AMOUNT.fullmatch(text)
    if found is None or currency not in MINOR_DIGITS:
        raise ValueError("not an amount")
    digits = MINOR_DIGITS[currency]
    fraction = found[2] or ""
    if len(fraction) > digits:
        raise ValueError("more decimal places than the currency has")
    return Money(int(found[1]) * 10**digits + int(fraction.ljust(digits, "0") or "0"), currency)


def parse_price(text: str) -> Decimal:
    """Read a unit price in major units, up to eight decimal places. ValueError when it is not."""
    if _PRICE.fullmatch(text) is None:
        raise ValueError("not a price")
    return Decimal(text)


def round_to_minor(amount: Decimal, currency: str) -> Money:
    """Round an exact decimal in major units once, half to even, to whole minor units."""
    minor = amount.scaleb(MINOR_DIGITS[currency]).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return Money(int(minor), currency)


def allocate(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Divide `total_minor` in proportion to whole `weights`, so that the parts sum to the whole.

    The largest-remainder rule: each part is the exact share rounded toward zero, and each minor
    unit left over goes to the largest fraction, the earlier weight first when they are equal. A
    negative total (a credit) is divided like the positive one, with the signs turned.
    """
    if not weights or any(weight < 0 for weight in weights) or sum(weights) == 0:
        raise ValueError("weights must be non-negative and not all zero")
    if total_minor < 0:
        return [-part for part in allocate(-total_minor, weights)]
    whole = sum(weights)
    parts = [total_minor * weight // whole for weight in weights]
    fractions = [total_minor * weight % whole for weight in weights]
    by_fraction = sorted(range(len(weights)), key=lambda i: (-fractions[i], i))
    for i in by_fraction[: total_minor - sum(parts)]:
        parts[i] += 1
    return parts
