"""Lines: charged together, spread, rounded once; closing late costs what closing once would."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from statement_world import (
    ACCOUNTS,
    BANK,
    CHANGE,
    FIRST,
    INPUTS,
    INSURER,
    MARKET,
    PERIOD,
    SECOND,
    SHOP,
    SINCE_US,
    STANDARD,
    call,
)

from weir.kernel.clock import moment
from weir.metering.records.records import CallRecord
from weir.settlement.documents import (
    Inputs,
    Line,
    LineShare,
    PlanChange,
    PlanInput,
    SubscriptionInput,
)
from weir.settlement.rating.in_force import plans_of
from weir.settlement.rating.usage import Count
from weir.settlement.statements import composition
from weir.settlement.statements.lines import lines
from weir.shelf.pricing import read_pricing

DAY_US = 86_400_000_000
PARTS = composition.cut(PERIOD.since, PERIOD.until, INPUTS)


def inputs(*components: dict[str, Any], **others: Any) -> Inputs:
    tax = others.pop("tax", None)
    document = {"components": list(components)} | ({"tax": tax} if tax else {})
    plan = PlanInput(STANDARD, ACCOUNTS, BANK, "CNY", read_pricing(document))
    return replace(INPUTS, plans=[plan], **others)


def made(given: Inputs, *records: CallRecord) -> list[Line]:
    count = Count(PARTS, plans_of(given))
    count.add(records)
    return lines(count.result().usage, given, "CNY", PARTS)


TIERS = {
    "kind": "tiered",
    "tiers": [{"up_to": 2, "price": "1"}, {"up_to": None, "price": "0.1"}],
}
AFTER_US = int(CHANGE.timestamp()) * 1_000_000


def test_a_tier_is_reached_once_whoever_serves_and_whatever_is_agreed() -> None:
    calls = [call(), call(member=INSURER), call(at_us=AFTER_US), call(at_us=AFTER_US)]
    found = made(inputs(TIERS), *calls)
    assert sum(line.gross_minor for line in found) == 220
    assert [(line.member, line.agreement, line.gross_minor) for line in found] == [
        (BANK, FIRST, 55),
        (BANK, SECOND, 110),
        (INSURER, FIRST, 55),
    ]


def test_each_partner_climbs_its_own_tiers() -> None:
    found = made(inputs(TIERS), *[call()] * 3, call(organisation=SHOP))
    assert {line.partner: line.gross_minor for line in found} == {MARKET: 210, SHOP: 100}


def test_a_monthly_price_is_owed_by_the_day_without_a_call() -> None:
    since = moment(datetime(2026, 11, 16, tzinfo=UTC))
    standing = SubscriptionInput("sub_" + "0" * 26, ACCOUNTS, STANDARD, MARKET, since, None)
    found = made(inputs({"kind": "fixed", "price": "300"}, subscriptions=[standing]))
    (line,) = found
    assert (line.calls, line.gross_minor, line.charges[0].quantity) == (0, 15_000, "0.5")
    assert line.agreement == SECOND


def test_declined_calls_are_paid_only_where_that_is_agreed() -> None:
    answered = [replace(each, billable="answered") for each in INPUTS.agreements]
    price = {"kind": "per_call", "price": "1"}
    calls = [call(), call(status=404), call(status=500)]
    (strict,) = made(inputs(price), *calls)
    (wide,) = made(inputs(price, agreements=answered), *calls)
    assert (strict.calls, strict.billable_calls, wide.billable_calls) == (3, 1, 2)
    assert (strict.gross_minor, wide.gross_minor) == (100, 200)


def test_a_share_of_the_value_is_of_the_plans_currency_only() -> None:
    value = {"kind": "value", "rate": "0.006", "floor": "0.1"}
    calls = [
        call(amount_minor=1_000_000, currency="CNY"),
        call(amount_minor=1, currency="CNY"),
        call(amount_minor=1_000_000, currency="USD"),
        call(),
    ]
    (line,) = made(inputs(value), *calls)
    assert (line.calls, line.value_calls, line.gross_minor) == (4, 2, 6_010)


def test_tax_comes_on_top_and_is_the_sellers_to_pass_on() -> None:
    price = {"kind": "per_call", "price": "0.105"}
    (line,) = made(inputs(price, tax={"name": "VAT", "rate": "0.06"}), call())
    assert (line.gross_minor, line.tax_minor) == (10, 1)
    assert line.shares[-1] == LineShare(BANK, "tax", 1)
    assert sum(share.amount_minor for share in line.shares) == 11


def test_the_agreement_names_the_rounding() -> None:
    upwards = [replace(each, rounding="up") for each in INPUTS.agreements]
    price = {"kind": "per_call", "price": "0.001"}
    assert made(inputs(price), call())[0].gross_minor == 0
    assert made(inputs(price, agreements=upwards), call())[0].gross_minor == 1


def test_late_calls_that_reach_a_cheaper_tier_give_money_back() -> None:
    volume = {
        "kind": "volume",
        "tiers": [{"up_to": 2, "price": "1"}, {"up_to": None, "price": "0.1"}],
    }
    first = made(inputs(volume), call(), call())
    (late,) = made(inputs(volume, earlier=first), call())
    assert (first[0].gross_minor, late.calls, late.gross_minor) == (200, 1, -170)
    assert sum(share.amount_minor for share in late.shares) == -170


COMPONENTS = st.lists(
    st.sampled_from(
        [
            {"kind": "per_call", "price": "0.0333"},
            TIERS,
            {"kind": "volume", "tiers": [*TIERS["tiers"]]},
            {"kind": "value", "rate": "0.00777", "cap": "3"},
            {"kind": "package", "price": "9.99", "calls": 3, "overage": "0.07"},
            {"kind": "fixed", "price": "1.01"},
            {
                "kind": "hours",
                "utc_offset_hours": -3,
                "bands": [{"since": 2, "price": "0.013"}, {"since": 13, "price": "0.5"}],
            },
        ]
    ),
    unique_by=lambda each: each["kind"],
    max_size=4,
)
RECORDS = st.lists(
    st.builds(
        call,
        at_us=st.integers(SINCE_US, SINCE_US + 30 * DAY_US - 1),
        organisation=st.sampled_from([MARKET, SHOP]),
        member=st.sampled_from([BANK, INSURER, None]),
        status=st.sampled_from([200, 404, 500]),
        amount_minor=st.none() | st.integers(1, 10**9),
        currency=st.just("CNY"),
    ),
    max_size=12,
)
STANDING = [
    SubscriptionInput(
        "sub_" + "0" * 26, ACCOUNTS, STANDARD, MARKET, moment(PERIOD.since), moment(CHANGE)
    )
]


def summed(*closings: list[Line]) -> dict[Any, tuple[int, ...]]:
    """What each line comes to over closings: calls, money, and each share."""
    found: dict[Any, tuple[int, ...]] = {}
    for line in (line for closing in closings for line in closing):
        place = (line.plan, line.partner, line.member, line.agreement)
        figures = (line.calls, line.billable_calls, line.gross_minor, line.tax_minor)
        figures += tuple(share.amount_minor for share in line.shares)
        before = found.get(place, (0,) * len(figures))
        found[place] = tuple(a + b for a, b in zip(before, figures, strict=True))
    return {place: figures for place, figures in found.items() if any(figures)}


@settings(max_examples=60)
@given(COMPONENTS, RECORDS, RECORDS, RECORDS)
def test_closing_in_three_parts_comes_to_what_closing_once_does(
    components: list[dict[str, Any]],
    first: list[CallRecord],
    late: list[CallRecord],
    later: list[CallRecord],
) -> None:
    given = inputs(*components, subscriptions=STANDING, tax={"name": "VAT", "rate": "0.06"})
    once = made(given, *first, *late, *later)
    one = made(given, *first)
    two = made(replace(given, earlier=one), *late)
    three = made(replace(given, earlier=[*one, *two]), *later)
    assert summed(one, two, three) == summed(once)


@settings(max_examples=60)
@given(COMPONENTS, RECORDS)
def test_the_shares_of_every_line_are_its_gross_and_tax(
    components: list[dict[str, Any]], records: list[CallRecord]
) -> None:
    given = inputs(*components, subscriptions=STANDING, tax={"name": "VAT", "rate": "0.06"})
    for line in made(given, *records):
        shares = sum(share.amount_minor for share in line.shares)
        assert shares == line.gross_minor + line.tax_minor


TURN = datetime(2026, 11, 8, tzinfo=UTC)
TURN_US = int(TURN.timestamp()) * 1_000_000


def changed(given: Inputs, *components: dict[str, Any]) -> Inputs:
    """The plan priced otherwise from the 8th on."""
    later = PlanChange(2, moment(TURN), read_pricing({"components": list(components)}))
    return replace(given, plans=[replace(each, changes=[later]) for each in given.plans])


def made_with_changes(given: Inputs, *records: CallRecord) -> list[Line]:
    parts = composition.cut(PERIOD.since, PERIOD.until, given)
    count = Count(parts, plans_of(given))
    count.add(records)
    return lines(count.result().usage, given, "CNY", parts)


def test_a_call_is_charged_by_the_version_in_force_when_it_arrived() -> None:
    given = changed(inputs({"kind": "per_call", "price": "1"}), {"kind": "per_call", "price": "3"})
    before, after = made_with_changes(given, call(at_us=TURN_US - 1), call(at_us=TURN_US), call())
    assert (before.plan_version, before.calls, before.gross_minor) == (1, 2, 200)
    assert (after.plan_version, after.calls, after.gross_minor) == (2, 1, 300)


def test_each_version_has_its_own_tiers_and_months() -> None:
    tiers = [{"up_to": 1, "price": "1"}, {"up_to": None, "price": "0.1"}]
    tiered = {"kind": "tiered", "tiers": tiers}
    given = changed(inputs(tiered), tiered, {"kind": "fixed", "price": "30"})
    standing = replace(given, subscriptions=STANDING)
    found = made_with_changes(standing, call(), call(), call(at_us=TURN_US), call(at_us=TURN_US))
    calls = {line.plan_version: line for line in found if line.calls}
    assert calls[1].gross_minor == 110
    monthly = [c for line in found for c in line.charges if c.kind == "fixed"]
    assert {line.plan_version for line in found if line.charges[-1].kind == "fixed"} == {2}
    assert monthly
    tiers_paid = sum(Fraction(c.amount) for c in calls[2].charges if c.kind == "tiered")
    assert tiers_paid == Fraction("1.1")


@settings(max_examples=40)
@given(COMPONENTS, COMPONENTS, RECORDS, RECORDS)
def test_closing_in_two_parts_comes_to_what_closing_once_does_when_the_plan_changes(
    components: list[dict[str, Any]],
    later: list[dict[str, Any]],
    first: list[CallRecord],
    late: list[CallRecord],
) -> None:
    given = changed(inputs(*components, subscriptions=STANDING), *later)
    once = made_with_changes(given, *first, *late)
    one = made_with_changes(given, *first)
    two = made_with_changes(replace(given, earlier=one), *late)
    assert summed(one, two) == summed(once)
    for line in (*once, *one, *two):
        assert sum(share.amount_minor for share in line.shares) == line.gross_minor + line.tax_minor
