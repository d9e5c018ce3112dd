"""Terms of a plan: its pricing, its rate and its quota. Pure.

`unlimited` is a word and 0 means none: a plan that says neither is refused, so that a zero is never
read as no limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from weir.kernel import inputs, money
from weir.shelf.declares import QUOTA_CALLS, RATE_CALLS_PER_S
from weir.shelf.pricing import Pricing, read_pricing

UNLIMITED: Final = "unlimited"
QUOTA_PERIODS: Final[dict[str, tuple[str, str]]] = {
    "day": ("a day", "每日"),
    "month": ("a month", "每月"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A plan's price and limits. `rate_per_s` or `quota` None is unlimited.

    A quota counts calls in a day or month of UTC.
    """

    name: str
    currency: str
    pricing: Pricing
    rate_per_s: int | None
    quota: int | None
    quota_period: str | None
    auto_approve: bool


def read_terms(
    *,
    name: str,
    currency: str,
    pricing: Any,
    rate_per_s: int | str,
    quota: int | str,
    quota_period: str | None,
    auto_approve: bool = False,
) -> Terms:
    """Check a plan's terms. INVALID_INPUT says which is wrong."""
    quota_calls = _limit(quota, "/quota", QUOTA_CALLS)
    return Terms(
        name=inputs.text(name, "/name"),
        currency=inputs.choice(currency, money.MINOR_DIGITS, "/currency"),
        pricing=read_pricing(pricing),
        rate_per_s=_limit(rate_per_s, "/rate_per_s", RATE_CALLS_PER_S),
        quota=quota_calls,
        quota_period=_period(quota_calls, quota_period),
        auto_approve=auto_approve,
    )


def limit_text(value: int | None) -> int | str:
    """Return a stored limit as callers read it: a number, or UNLIMITED."""
    return UNLIMITED if value is None else value


def _limit(value: Any, pointer: str, most: int) -> int | None:
    if value == UNLIMITED:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    raise inputs.wrong(
        pointer,
        f"must be a whole number from 0 (none) to {most}, or the word {UNLIMITED}",
        f"须为 0（表示没有额度）至 {most} 的整数，或单词 {UNLIMITED}（不限）",
    )


def _period(quota: int | None, period: str | None) -> str | None:
    if quota is None and period is None:
        return None
    if quota is None or period is None:
        raise inputs.wrong(
            "/quota_period",
            "goes with a quota that is a number, and only with that",
            "仅在配额为数字时填写，且必须填写",
        )
    return inputs.choice(period, QUOTA_PERIODS, "/quota_period")
