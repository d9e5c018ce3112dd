"""Fixed parts, tiers of shares and minimums: exact, and the same however often one closes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from statement_world import (
    BANK,
    CHANGE,
    FIRST,
    INSURER,
    MARKET,
    OPERATOR,
    SECOND,
    SHOP,
    STANDARD,
    call,
    statement,
    write,
)
from test_lines import COMPONENTS, RECORDS, STANDING, inputs, made, summed

from weir.agreements.shares import Share, ShareTier, needed_parties, read_shares
from weir.kernel.outcomes import Refusal
from weir.metering.records.records import CallRecord
from weir.settlement.closing.closing import posting_of
from weir.settlement.documents import Inputs, Line, LineShare
from weir.settlement.statements.verification import RecordsFolder, verify

PER_CALL = {"kind": "per_call", "price": "1"}
EVEN = [Share("member", 6_000), Share("operator", 4_000)]
FIXED_A_CALL = Share(INSURER, fixed="0.004", per="call")
FIXED_A_MONTH = Share(INSURER, fixed="10", per="month", paid_by="member")
MINIMUM = Share("member", minimum="5", paid_by="operator")
FALLING = [
    Share("member", tiers=(ShareTier("2", 7_000), ShareTier(None, 9_000))),
    Share("operator", tiers=(ShareTier("2", 3_000), ShareTier(None, 1_000))),
]
AFTER_US = int(CHANGE.timestamp()) * 1_000_000


def under(given: Inputs, *terms: Share) -> Inputs:
    agreed = [replace(each, shares=list(terms)) for each in given.agreements]
    return replace(given, agreements=agreed)


def amounts(line: Line) -> dict[tuple[str, str], int]:
    return {(share.party, share.role): share.amount_minor for share in line.shares}


def test_a_fixed_part_of_each_call_comes_off_first_and_never_exceeds_the_line() -> None:
    fixed = Share(INSURER, fixed="0.3", per="call")
    (line,) = made(under(inputs(PER_CALL), *EVEN, fixed), *[call()] * 10)
    assert amounts(line) == {
        (BANK, "member"): 420,
        (OPERATOR, "operator"): 280,
        (INSURER, "named"): 300,
    }
    cheap = inputs({"kind": "per_call", "price": "0.1"})
    (line,) = made(under(cheap, *EVEN, fixed), *[call()] * 10)
    assert amounts(line)[INSURER, "named"] == line.gross_minor == 100


def test_one_party_may_have_a_fixed_part_and_a_per_cent() -> None:
    fixed = Share("operator", fixed="0.5", per="call")
    (line,) = made(under(inputs(PER_CALL), *EVEN, fixed), call(), call())
    assert line.shares == [LineShare(BANK, "member", 60), LineShare(OPERATOR, "operator", 140)]


def test_a_tier_of_shares_is_reached_by_all_that_a_partner_pays_whoever_serves() -> None:
    calls = [call(), call(), call(member=INSURER), call(member=INSURER)]
    one, other = made(under(inputs(PER_CALL), *FALLING), *calls)
    assert amounts(one) == {(BANK, "member"): 160, (OPERATOR, "operator"): 40}
    assert amounts(other) == {(INSURER, "member"): 160, (OPERATOR, "operator"): 40}


def test_each_partner_climbs_its_own_tiers_of_shares() -> None:
    calls = [call(), call(), call(organisation=SHOP), call(organisation=SHOP)]
    found = made(under(inputs(PER_CALL), *FALLING), *calls)
    assert [amounts(line)[OPERATOR, "operator"] for line in found] == [60, 60]


def test_a_fixed_part_a_month_is_a_line_of_its_own_without_any_call() -> None:
    first, second = made(under(inputs(PER_CALL), *EVEN, FIXED_A_MONTH))
    assert (first.plan, first.partner, first.agreement) == (None, BANK, FIRST)
    assert first.gross_minor + second.gross_minor == 1_000
    assert first.shares == [LineShare(INSURER, "fixed", 467)]
    assert (second.charges[0].quantity, second.charges[0].price) == ("8/15", "10")


def test_a_minimum_is_what_is_missing_to_it_and_its_payer_is_named() -> None:
    given = under(inputs(PER_CALL), *EVEN, MINIMUM)
    topped = [line for line in made(given, call(at_us=AFTER_US)) if line.agreement == SECOND]
    due, line = topped
    assert amounts(line)[BANK, "member"] == 60
    assert (due.partner, due.shares) == (OPERATOR, [LineShare(BANK, "minimum", 267 - 60)])
    enough = made(given, *[call(at_us=AFTER_US)] * 5)
    assert [line.plan for line in enough if line.agreement == SECOND] == [STANDARD]


def test_late_calls_take_back_what_was_paid_to_reach_a_minimum() -> None:
    given = under(inputs(PER_CALL), *EVEN, MINIMUM)
    first = made(given)
    late = made(replace(given, earlier=first), *[call(at_us=AFTER_US)] * 3)
    (due,) = [line for line in late if line.plan is None]
    assert due.shares == [LineShare(BANK, "minimum", -180)]


def test_what_the_operator_owes_by_the_month_comes_out_of_its_revenue() -> None:
    due = made(under(inputs(PER_CALL), *EVEN, MINIMUM))[0]
    posting = posting_of(due, "example", "CNY", OPERATOR)
    assert posting is not None
    found = {entry.account: entry.amount.amount_minor for entry in posting.entries}
    assert found == {f"revenue:{OPERATOR}": 233, f"payable:{BANK}": -233}


def test_who_pays_must_agree_too() -> None:
    terms = [*EVEN, Share("member", minimum="5", paid_by=SHOP)]
    assert needed_parties(terms, BANK, OPERATOR) == sorted([BANK, OPERATOR, SHOP])


TERMS = st.tuples(
    st.sampled_from([EVEN, FALLING, [Share("partner", 10_000)]]),
    st.lists(
        st.sampled_from(
            [
                FIXED_A_CALL,
                FIXED_A_MONTH,
                MINIMUM,
                Share("operator", fixed="0.33333333", per="call"),
                Share(INSURER, minimum="3.33", paid_by=SHOP),
            ]
        ),
        unique=True,
    ),
).map(lambda pair: [*pair[0], *pair[1]])


@settings(max_examples=60)
@given(COMPONENTS, TERMS, RECORDS, RECORDS, RECORDS)
def test_closing_in_three_parts_comes_to_what_closing_once_does_under_any_terms(
    components: list[dict[str, Any]],
    terms: list[Share],
    first: list[CallRecord],
    late: list[CallRecord],
    later: list[CallRecord],
) -> None:
    tax = {"name": "VAT", "rate": "0.06"}
    given = under(inputs(*components, subscriptions=STANDING, tax=tax), *terms)
    once = made(given, *first, *late, *later)
    one = made(given, *first)
    two = made(replace(given, earlier=one), *late)
    three = made(replace(given, earlier=[*one, *two]), *later)
    assert summed(one, two, three) == summed(once)
    for line in (*one, *two, *three):
        shares = sum(share.amount_minor for share in line.shares)
        assert shares == line.gross_minor + line.tax_minor
        posting_of(line, "closing/1", "CNY", OPERATOR)  # which refuses what does not balance


@settings(max_examples=15)
@given(TERMS, RECORDS, RECORDS)
def test_every_party_recomputes_its_supplement_under_any_terms(
    terms: list[Share], first: list[CallRecord], late: list[CallRecord]
) -> None:
    given = under(inputs({"kind": "per_call", "price": "0.333"}), *terms)
    given = replace(given, earlier=made(given, *first))
    with tempfile.TemporaryDirectory() as folder:
        runs = write(Path(folder), [late])
        for party in (OPERATOR, BANK, INSURER, MARKET, SHOP):
            closed = statement(late, runs, party, given)
            verified = verify(closed, RecordsFolder(Path(folder)))
            assert verified.difference is None


@pytest.mark.parametrize(
    "term",
    [
        {"party": "operator", "fixed": "0", "per": "call"},
        {"party": "operator", "fixed": "1e9", "per": "call"},
        {"party": "operator", "fixed": "1", "per": "year"},
        {"party": "operator", "fixed": "1", "per": "month"},
        {"party": "operator", "fixed": "1", "per": "call", "paid_by": "member"},
        {"party": "operator", "fixed": "0.001", "per": "month", "paid_by": "member"},
        {"party": "operator", "minimum": "-1", "paid_by": "member"},
        {"party": "operator", "minimum": "1", "paid_by": "operator"},
        {"party": "operator", "minimum": "1", "paid_by": "partner"},
        {"party": "partner", "minimum": "1", "paid_by": "operator"},
        {"party": "operator", "minimum": "1", "paid_by": "someone"},
        {"party": "operator", "minimum": "1"},
        {"party": "operator", "weight": 1, "minimum": "1", "paid_by": "member"},
        {"party": "operator", "tiers": []},
        {"party": "operator", "tiers": [{"up_to": "5", "weight": 0}]},
        {"party": "operator", "tiers": [{"up_to": None, "weight": 1}]},
        {
            "party": "operator",
            "tiers": [{"up_to": "5", "weight": 0}, {"up_to": None, "weight": 2_000}],
        },
        {
            "party": "operator",
            "tiers": [{"up_to": n, "weight": 0} for n in ("5", "5", None)],
        },
    ],
)
def test_a_term_that_is_not_one_is_refused(term: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        read_shares([{"party": "member", "weight": 10_000}, term], "CNY")


def test_terms_are_read_and_written_alike() -> None:
    terms = [*FALLING, FIXED_A_CALL, FIXED_A_MONTH, MINIMUM]
    assert read_shares([term.document() for term in terms], "CNY") == terms
