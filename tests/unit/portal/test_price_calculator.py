"""What a month costs on the page is what closing a month would charge."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from weir.portal.shelf.price_calculator import estimate, estimates, read_use
from weir.shelf.plans import Plan
from weir.shelf.pricing import read_pricing


def plan(components: list[dict[str, Any]], tax: dict[str, str] | None = None, **terms: Any) -> Plan:
    pricing = {"components": components} | ({"tax": tax} if tax else {})
    facts = {"rate_per_s": None, "quota": None, "quota_period": None} | terms
    return Plan(
        id="pln_1",
        product="prd_1",
        name="standard",
        currency="CNY",
        pricing=read_pricing(pricing),
        auto_approve=True,
        status="offered",
        offered_at=datetime(2026, 1, 1, tzinfo=UTC),
        **facts,
    )


TIERS = [{"up_to": 1000, "price": "0.013"}, {"up_to": None, "price": "0.009"}]


@pytest.mark.parametrize(
    ("components", "calls", "amount", "expected"),
    [
        ([], "10,000", "", 0),
        ([{"kind": "per_call", "price": "0.05"}], "10000", "", 50_000),
        ([{"kind": "tiered", "tiers": TIERS}], "2000", "", 2_200),
        ([{"kind": "volume", "tiers": TIERS}], "2000", "", 1_800),
        ([{"kind": "fixed", "price": "12"}], "0", "", 1_200),
        ([{"kind": "value", "rate": "0.001", "floor": "0.30", "cap": "50"}], "10", "100", 300),
        ([{"kind": "value", "rate": "0.001", "floor": "0.30", "cap": "50"}], "10", "1000", 1_000),
    ],
)
def test_a_month_is_worked_out(
    components: list[dict[str, Any]], calls: str, amount: str, expected: int
) -> None:
    found = estimate(plan(components), read_use(calls, amount))
    assert found.whole.amount_minor == expected


def test_tax_is_added_and_said() -> None:
    taxed = plan([{"kind": "per_call", "price": "1"}], {"name": "VAT", "rate": "0.06"})
    found = estimate(taxed, read_use("100", ""))
    assert (str(found.tax), str(found.whole)) == ("CNY 6.00", "CNY 106.00")


def test_the_cheapest_that_allows_so_much_comes_first() -> None:
    free = plan([], quota=100, quota_period="day")
    paid = plan([{"kind": "per_call", "price": "0.01"}])
    assert [each.plan for each in estimates([free, paid], read_use("3000", ""))] == [free, paid]
    beyond = estimates([free, paid], read_use("3001", ""))
    assert [(each.plan, each.quota_exceeded) for each in beyond] == [(paid, False), (free, True)]


@pytest.mark.parametrize("typed", ["", "x", "-5", "NaN", "Infinity", "1e99", "٣", "1,000"])
def test_whatever_is_typed_is_a_number_within_bounds(typed: str) -> None:
    use = read_use(typed, typed)
    assert 0 <= use.calls <= 10**9
    assert Decimal(0) <= use.amount <= 10**12
