"""What the shelf's calculator says of a month is what closing that month charges, to the fen."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from statement_world import ACCOUNTS, BANK, INPUTS, MARKET, PERIOD, SINCE_US, STANDARD, call
from test_lines import COMPONENTS

from weir.kernel.clock import moment
from weir.portal.shelf.price_calculator import Use, estimate
from weir.settlement.documents import PlanInput, SubscriptionInput
from weir.settlement.rating.in_force import plans_of
from weir.settlement.rating.usage import Count
from weir.settlement.statements import composition
from weir.settlement.statements.lines import lines
from weir.shelf.plans import Plan
from weir.shelf.pricing import Pricing, Value, read_pricing

HOUR_US = 3_600_000_000


def estimated(pricing: Pricing, calls: int, amount_minor: int) -> tuple[int, int]:
    """Price and tax of a month, in fen, as the page of the product shows them."""
    plan = Plan(
        id=STANDARD, product=ACCOUNTS, name="standard", currency="CNY", pricing=pricing,
        rate_per_s=None, quota=None, quota_period=None, auto_approve=True, status="offered",
        offered_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    found = estimate(plan, Use(calls=calls, amount=Decimal(amount_minor) / 100))
    return found.price.amount_minor, 0 if found.tax is None else found.tax.amount_minor


def closed(pricing: Pricing, calls: int, amount_minor: int) -> tuple[int, int]:
    """The same, rated and closed from the records of so many calls, hour after hour."""
    whole = SubscriptionInput(
        "sub_" + "0" * 26, ACCOUNTS, STANDARD, MARKET, moment(PERIOD.since), None
    )
    given = replace(
        INPUTS,
        plans=[PlanInput(STANDARD, ACCOUNTS, BANK, "CNY", pricing)],
        agreements=[replace(INPUTS.agreements[0], ended_at=None)],  # a month of one agreement
        subscriptions=[whole],
    )
    parts = composition.cut(PERIOD.since, PERIOD.until, given)
    count = Count(parts, plans_of(given))
    valued = pricing.find(Value) is not None
    paid = {"amount_minor": amount_minor, "currency": "CNY"} if valued else {}
    count.add(
        call(at_us=SINCE_US + number % 24 * HOUR_US, organisation=MARKET, **paid)
        for number in range(calls)
    )
    found = lines(count.result().usage, given, "CNY", parts)
    return sum(line.gross_minor for line in found), sum(line.tax_minor for line in found)


_INCLUDED = [{"kind": "package", "price": "9.99", "calls": 3, "overage": "0.07"}]


@settings(max_examples=40)
@example(
    components=_INCLUDED, calls=59, amount_minor=1, taxed=True
)  # the month and the calls are lines, rounded apart
@given(COMPONENTS, st.integers(0, 60), st.integers(1, 10**7), st.booleans())
def test_the_calculator_says_what_closing_charges(
    components: list[dict[str, Any]], calls: int, amount_minor: int, taxed: bool
) -> None:
    tax = {"tax": {"name": "VAT", "rate": "0.06"}} if taxed else {}
    pricing = read_pricing({"components": components} | tax)
    assert estimated(pricing, calls, amount_minor) == closed(pricing, calls, amount_minor)
