"""A plan's terms: 0 means none, unlimited is a word."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.shelf.declares import QUOTA_CALLS, RATE_CALLS_PER_S
from weir.shelf.pricing import read_pricing
from weir.shelf.terms import Terms, limit_text, read_terms

PLAN: dict[str, Any] = {
    "name": "Standard",
    "currency": "CNY",
    "pricing": {"components": [{"kind": "per_call", "price": "0.05"}]},
    "rate_per_s": 10,
    "quota": 1_000,
    "quota_period": "month",
}


def read(**changes: Any) -> Terms:
    return read_terms(**PLAN | changes)


def pointer_of(**changes: Any) -> str:
    with pytest.raises(Refusal) as refused:
        read(**changes)
    assert refused.value.outcome is INVALID_INPUT
    return str(refused.value.public["pointer"])


def test_the_pricing_is_read_with_the_terms() -> None:
    assert read().pricing == read_pricing(PLAN["pricing"])
    assert pointer_of(pricing={"components": [{"kind": "per_call", "price": "-1"}]}) == (
        "/pricing/components/0/price"
    )


@given(st.integers(0, QUOTA_CALLS))
def test_a_number_is_that_many_and_zero_is_none(quota: int) -> None:
    terms = read(quota=quota)
    assert terms.quota == quota
    assert limit_text(terms.quota) == quota


def test_unlimited_is_a_word_and_only_that_word() -> None:
    terms = read(rate_per_s="unlimited", quota="unlimited", quota_period=None)
    assert (terms.rate_per_s, terms.quota, terms.quota_period) == (None, None, None)
    assert limit_text(terms.quota) == "unlimited"
    for word in ("Unlimited", "none", "", "-1", "0", None, True, False, 1.0, -1):
        assert pointer_of(quota=word) == "/quota"
        assert pointer_of(rate_per_s=word) == "/rate_per_s"


def test_limits_have_a_highest_value() -> None:
    assert pointer_of(quota=QUOTA_CALLS + 1) == "/quota"
    assert pointer_of(rate_per_s=RATE_CALLS_PER_S + 1) == "/rate_per_s"


def test_a_period_goes_with_a_numbered_quota_and_only_with_that() -> None:
    assert pointer_of(quota_period=None) == "/quota_period"
    assert pointer_of(quota="unlimited") == "/quota_period"
    assert pointer_of(quota_period="year") == "/quota_period"


def test_a_currency_we_do_not_settle_in_is_refused() -> None:
    assert pointer_of(currency="XXX") == "/currency"
