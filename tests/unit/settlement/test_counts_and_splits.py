"""Counting, pricing and splitting: two ways of counting agree, and no minor unit is lost."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from statement_world import (
    ACCOUNTS,
    BANK,
    CHANGE,
    DOLLAR,
    FIRST,
    INPUTS,
    INSURER,
    MARKET,
    OPERATOR,
    PERIOD,
    POLICIES,
    PREMIUM,
    SECOND,
    SHOP,
    SINCE_US,
    STANDARD,
    STREAM,
    call,
    write,
)

from weir.agreements.shares import Share
from weir.kernel import strict_json
from weir.kernel.outcomes import Refusal
from weir.metering.lake.lake import Lake
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import read_segment
from weir.settlement.documents import LineShare, digest
from weir.settlement.periods.open_segments import Unclosed
from weir.settlement.periods.periods import interval, parse_period
from weir.settlement.rating.splits import Parties, SplitInput, split
from weir.settlement.rating.usage import Count, Priced, Usage, count_lake, ending_of, slices
from weir.settlement.statements import composition
from weir.settlement.statements.lines import UnknownPlan, lines
from weir.shelf.pricing import Band, Hours, Pricing, Value

CALLS = st.lists(
    st.builds(
        call,
        at_us=st.integers(SINCE_US - 10, SINCE_US + 10)
        | st.integers(SINCE_US, SINCE_US + 40 * 86_400_000_000),
        organisation=st.sampled_from([MARKET, SHOP, None]),
        product=st.sampled_from([ACCOUNTS, POLICIES, None]),
        plan=st.sampled_from([STANDARD, PREMIUM, None]),
        member=st.sampled_from([BANK, INSURER, None]),
        status=st.sampled_from([200, 201, 302, 399, 400, 404, 429, 500, 504]),
        refusal=st.sampled_from([None, None, "rate_exceeded"]),
        reconciled=st.booleans(),
        amount_minor=st.none() | st.integers(1, 10**17),
        currency=st.sampled_from(["CNY", "USD", None]),
    ),
    min_size=1,
    max_size=50,
)
PARTS = composition.cut(PERIOD.since, PERIOD.until, INPUTS)
# Counted as if one plan were priced by value and by the hour, whatever it costs.
BANDS = [Band(0, "1"), Band(12, "2")]
PLANS = {
    STANDARD: Priced("CNY", Pricing([Value("0.006", "0.1", "50"), Hours(8, BANDS)])),
    PREMIUM: Priced("CNY", Pricing([Value("0.001")])),
}


@settings(max_examples=12)
@given(records=CALLS)
def test_the_sql_and_the_python_count_the_same(records: list[CallRecord]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = write(folder, [records])
        lake = Lake(str(folder / "lake"))
        files = list(lake.write_segment(read_segment(folder, STREAM, 1)))
        by_sql = count_lake(lake, Unclosed(runs, files, len(records)), PARTS, PLANS)
    count = Count(PARTS, PLANS)
    count.add(records)
    by_hand = count.result()
    assert (by_sql.held, by_sql.records) == (by_hand.held, by_hand.records)
    assert set(by_sql.usage) == set(by_hand.usage)
    assert len(by_sql.usage) == len(by_hand.usage)


@pytest.mark.parametrize(
    ("fields", "ending"),
    [
        ({}, "succeeded"),
        ({"status": 304}, "succeeded"),
        ({"status": 404}, "declined"),
        ({"status": 500}, "failed"),
        ({"refusal": "member_timeout", "status": 504}, "failed"),
        ({"refusal": "rate_exceeded", "status": 429}, "failed"),
        ({"reconciled": True, "status": 201}, "failed"),
    ],
)
def test_a_call_ends_in_one_of_three_ways(fields: dict[str, object], ending: str) -> None:
    assert ending_of(call(**fields)) == ending


PARTIES = Parties(BANK, OPERATOR, MARKET)


def test_the_last_minor_unit_goes_to_the_largest_fraction() -> None:
    shares = [Share("member", 7_000), Share("operator", 2_500), Share("partner", 500)]
    assert split(SplitInput(1_502, 1_001, 1_502, "CNY"), shares, PARTIES) == [
        LineShare(BANK, "member", 1_051),
        LineShare(OPERATOR, "operator", 376),
        LineShare(MARKET, "partner", 75),
    ]


@given(st.integers(0, 10**15), st.lists(st.integers(1, 10_000), min_size=1, max_size=4))
def test_shares_always_sum_to_the_gross(gross_minor: int, weights: list[int]) -> None:
    parties = ["member", "operator", "partner", INSURER]
    shares = [Share(party, weight) for party, weight in zip(parties, weights, strict=False)]
    parts = split(SplitInput(gross_minor, 1, gross_minor, "CNY"), shares, PARTIES)
    assert sum(part.amount_minor for part in parts) == gross_minor
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.amount_minor * sum(weights) - gross_minor * weight) < sum(weights)


def usage_of(*records: CallRecord) -> list[Usage]:
    count = Count(PARTS, PLANS)
    count.add(records)
    return count.result().usage


def test_calls_are_split_by_the_agreement_in_force_when_they_were_made() -> None:
    change_us = int(CHANGE.timestamp()) * 1_000_000
    before, after = call(at_us=change_us - 1), call(at_us=change_us)
    made = lines(usage_of(before, after, after), INPUTS, "CNY", PARTS)
    assert [(line.agreement, line.calls) for line in made] == [(FIRST, 1), (SECOND, 2)]


def test_without_an_agreement_the_member_keeps_all() -> None:
    record = call(product=POLICIES, plan=PREMIUM, member=INSURER)
    (line,) = lines(usage_of(record), INPUTS, "CNY", PARTS)
    assert (line.agreement, line.gross_minor) == (None, 33)
    assert line.shares == [LineShare(INSURER, "member", 33)]


def test_each_currency_has_lines_of_its_own() -> None:
    usage = usage_of(call(), call(product=POLICIES, plan=DOLLAR, member=INSURER))
    assert [line.plan for line in lines(usage, INPUTS, "CNY", PARTS)] == [STANDARD]
    assert [line.plan for line in lines(usage, INPUTS, "USD", PARTS)] == [DOLLAR]


def test_a_plan_without_a_price_is_never_passed_over() -> None:
    with pytest.raises(UnknownPlan):
        lines(usage_of(call(plan=PREMIUM)), INPUTS, "CNY", PARTS)


@given(records=CALLS)
def test_every_party_is_owed_in_its_own_statement_what_the_operator_owes_it(
    records: list[CallRecord],
) -> None:
    priced = [r for r in records if (r.product, r.plan) != (POLICIES, STANDARD)]
    priced = [r for r in priced if (r.product, r.plan) != (ACCOUNTS, PREMIUM)]
    made = lines(usage_of(*priced), INPUTS, "CNY", PARTS)
    held = composition.Whole.of(INPUTS, made, [])
    whole = composition.figures(held.own_lines(OPERATOR), OPERATOR)
    assert whole.sum_of_shares_minor == whole.gross_minor + whole.tax_minor
    parties = composition.parties_of(made) | {OPERATOR}
    each = {party: composition.figures(held.own_lines(party), party) for party in parties}
    assert sum(figures.balance_minor for figures in each.values()) == 0
    assert {share.party: share.amount_minor for share in whole.shares} == {
        party: figures.is_owed_minor
        for party, figures in each.items()
        if any(share.party == party for line in made for share in line.shares)
    }


def test_a_month_and_an_interval_are_periods() -> None:
    assert parse_period("2026-12").until == datetime(2027, 1, 1, tzinfo=UTC)
    week = parse_period("2026-11-01T00:00:00Z/2026-11-08T12:00:00Z")
    assert week.name == interval(week.since, week.until)
    assert slices(week.since, week.until, [week.since, week.until]) != []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-13",
        "2026-1",
        "1999-01",
        "2026-11\n",
        "2026-11-01/2026-11-02",
        "2026-11-31T00:00:00Z/2026-12-01T00:00:00Z",
        "2026-11-02T00:00:00Z/2026-11-01T00:00:00Z",
        "2026-11-01T00:00:00Z/2026-11-01T00:00:00Z",
        "2026-11-01T00:00:00+08:00/2026-11-02T00:00:00+08:00",
        "٢٠٢٦-11",
    ],
)
def test_anything_else_is_not_a_period(text: str) -> None:
    with pytest.raises(Refusal):
        parse_period(text)


def test_of_a_file_that_others_counted_too_only_the_runs_are_counted(tmp_path: Path) -> None:
    (run,) = write(tmp_path, [[call()], [call(), call()], [call()]])
    lake = Lake(str(tmp_path / "lake"))
    files = [
        name
        for number in (1, 2, 3)
        for name in lake.write_segment(read_segment(tmp_path, STREAM, number))
    ]
    second = replace(run, first_segment=2, last_segment=2)
    found = count_lake(lake, Unclosed([second], files, 2), PARTS, PLANS)
    assert (found.held, found.records) == (2, 2)
    assert sum(each.calls for each in found.usage) == 2


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(DOCUMENTS)
def test_a_digest_is_over_the_canonical_form(value: Any) -> None:
    assert digest(value) == sha256(strict_json.canonical(value)).hexdigest()
