"""Rewards for traffic brought and customers who stay: counted alike twice, and never too much."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from statement_world import (
    BANK,
    FIRST,
    INSURER,
    MARKET,
    OPERATOR,
    PERIOD,
    SHOP,
    SINCE_US,
    call,
    statement,
    write,
)
from test_lines import PARTS, inputs
from test_terms import EVEN, PER_CALL, amounts, under

from weir.agreements.shares import _LABEL, Share, read_shares
from weir.gateway.labels import _WORD as GATEWAYS_WORD
from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.metering.lake.lake import Lake, to_table
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import read_segment
from weir.settlement.documents import Inputs, Line, Rewarded, sealed
from weir.settlement.periods.open_segments import Unclosed
from weir.settlement.rating.in_force import plans_of
from weir.settlement.rating.rewards import RewardCount, count_rewards, reward_terms
from weir.settlement.rating.usage import Count
from weir.settlement.statements.lines import lines
from weir.settlement.statements.verification import RecordsFolder, verify

DAY_US = 86_400_000_000
BROUGHT = Share("partner", fixed="0.1", per="call", referrer="maps.home")
CHECKOUT = Share("partner", fixed="0.2", per="call", scene="checkout")
STAYED = Share("partner", fixed="0.5", per="customer", days=3)
STAYED_THERE = Share(INSURER, fixed="0.07", per="customer", days=2, scene="checkout")


def made(given: Inputs, *records: CallRecord) -> list[Line]:
    """The lines of these records, which are all there are of the period."""
    count = Count(PARTS, plans_of(given))
    rewards = RewardCount(reward_terms(given.agreements, PERIOD.since, PERIOD.until))
    count.add(records)
    rewards.add(records)
    return lines(count.result().usage, given, "CNY", PARTS, rewards.result())


def test_calls_that_came_from_a_referrer_reward_whoever_brought_them() -> None:
    given = under(inputs(PER_CALL), *EVEN, BROUGHT)
    brought = call(referrer="maps.home")
    (line,) = made(given, brought, brought, call(), call(referrer="maps.work"))
    assert line.rewarded == [Rewarded(2, 2)]
    assert amounts(line) == {
        (BANK, "member"): 228,
        (OPERATOR, "operator"): 152,
        (MARKET, "partner"): 20,
    }


def test_only_billable_calls_are_rewarded() -> None:
    given = under(inputs(PER_CALL), *EVEN, CHECKOUT)
    failed = call(scene="checkout", status=502)
    declined = call(scene="checkout", status=404)
    (line,) = made(given, failed, declined, call(scene="checkout"))
    assert line.rewarded == [Rewarded(2, 1)]
    agreed = [replace(each, billable="answered") for each in given.agreements]
    (line,) = made(replace(given, agreements=agreed), failed, declined, call(scene="checkout"))
    assert line.rewarded == [Rewarded(2, 2)]


def test_a_customer_stays_who_comes_on_enough_days() -> None:
    given = under(inputs(PER_CALL), *EVEN, STAYED)
    days = [call(consent="cns_1", at_us=SINCE_US + n * DAY_US) for n in range(3)]
    twice_a_day = [call(consent="cns_2", at_us=SINCE_US + n * DAY_US // 2) for n in range(3)]
    (line,) = made(given, *days, *twice_a_day, call(), call(consent=None))
    assert line.rewarded == [Rewarded(2, 1)]
    assert amounts(line)[MARKET, "partner"] == 50


def test_rewards_never_take_more_than_the_line_holds() -> None:
    given = under(inputs({"kind": "per_call", "price": "0.01"}), *EVEN, CHECKOUT)
    (line,) = made(given, call(scene="checkout"))
    assert amounts(line) == {
        (BANK, "member"): 0,
        (OPERATOR, "operator"): 0,
        (MARKET, "partner"): 1,
    }


TERMS = st.lists(
    st.sampled_from([BROUGHT, CHECKOUT, STAYED, STAYED_THERE]), unique=True, min_size=1
).map(lambda terms: [*EVEN, *terms])
CALLS = st.lists(
    st.builds(
        call,
        at_us=st.integers(0, 30 * 24).map(lambda hour: SINCE_US - DAY_US + hour * DAY_US // 24),
        organisation=st.sampled_from([MARKET, SHOP]),
        member=st.sampled_from([BANK, INSURER, None]),
        consent=st.sampled_from(["cns_1", "cns_2", None]),
        scene=st.sampled_from(["checkout", "search", None]),
        referrer=st.sampled_from(["maps.home", "maps.work", None]),
        status=st.sampled_from([200, 201, 404, 500]),
        reconciled=st.booleans(),
        refusal=st.sampled_from([None, None, "rate_exceeded"]),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=12)
@given(TERMS, st.sampled_from(["succeeded", "answered"]), CALLS)
def test_the_sql_and_the_python_count_rewards_alike(
    terms: list[Share], billable: Any, records: list[CallRecord]
) -> None:
    given = under(inputs(PER_CALL), *terms)
    agreed = [replace(each, billable=billable) for each in given.agreements]
    wanted = reward_terms(agreed, PERIOD.since, PERIOD.until)
    count = RewardCount(wanted)
    count.add(records)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = write(folder, [records])
        pq.write_table(to_table(read_segment(folder, runs[0].stream, 1)), folder / "one.parquet")
        chosen = Unclosed(runs, ["one.parquet"], len(records))
        assert count_rewards(Lake(name), chosen, wanted) == count.result()


@settings(max_examples=25)
@given(TERMS, CALLS)
def test_with_rewards_the_shares_of_every_line_are_its_gross(
    terms: list[Share], records: list[CallRecord]
) -> None:
    for line in made(under(inputs(PER_CALL), *terms), *records):
        assert sum(share.amount_minor for share in line.shares) == line.gross_minor
        assert all(share.amount_minor >= 0 for share in line.shares)


@settings(max_examples=5)
@given(TERMS, CALLS)
def test_every_party_recomputes_its_rewards_from_the_records(
    terms: list[Share], records: list[CallRecord]
) -> None:
    given = under(inputs(PER_CALL), *terms)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = write(folder, [records[:10], records[10:]])
        for party in (OPERATOR, BANK, MARKET):
            closed = statement(records, runs, party, given)
            assert verify(closed, RecordsFolder(folder)).difference is None


def test_a_reward_that_was_made_larger_is_found(tmp_path: Path) -> None:
    given = under(inputs(PER_CALL), *EVEN, CHECKOUT)
    records = [call(scene="checkout"), call()]
    runs = write(tmp_path, [records])
    closed = statement(records, runs, inputs=given)
    (line,) = closed.lines
    assert line.agreement == FIRST
    forged = replace(closed, lines=[replace(line, rewarded=[Rewarded(2, 2)])])
    found = verify(sealed(forged), RecordsFolder(tmp_path)).difference
    assert found == "lines[0].rewarded[0].count: the statement says 2, the records say 1"
    left_out = replace(closed, records=replace(closed.records, rewarded=[]))
    found = verify(sealed(left_out), RecordsFolder(tmp_path)).difference
    assert found == "records.rewarded: it is left out"


def test_rewards_are_not_counted_over_a_lake_that_lost_records(tmp_path: Path) -> None:
    given = under(inputs(PER_CALL), *EVEN, CHECKOUT)
    wanted = reward_terms(given.agreements, PERIOD.since, PERIOD.until)
    runs = write(tmp_path, [[call(scene="checkout")]])
    pq.write_table(to_table(read_segment(tmp_path, runs[0].stream, 1)), tmp_path / "one.parquet")
    with pytest.raises(Refusal) as refusal:
        count_rewards(Lake(str(tmp_path)), Unclosed(runs, ["one.parquet"], 2), wanted)
    assert refusal.value.outcome is ILLEGAL_STATE


@pytest.mark.parametrize(
    "term",
    [
        {"party": "partner", "fixed": "1", "per": "customer"},
        {"party": "partner", "fixed": "1", "per": "call", "days": 3},
        {"party": "partner", "fixed": "1", "per": "customer", "days": 0},
        {"party": "partner", "fixed": "1", "per": "customer", "days": 32},
        {"party": "partner", "fixed": "1", "per": "call", "scene": "Not A Label"},
        {"party": "partner", "fixed": "1", "per": "call", "referrer": "a" * 49},
        {"party": "partner", "weight": 1, "scene": "checkout"},
        {"party": "member", "fixed": "1", "per": "month", "paid_by": "operator", "scene": "x"},
    ],
)
def test_a_reward_that_is_none_is_refused(term: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        read_shares([{"party": "member", "weight": 10_000}, term], "CNY")


def test_one_party_may_have_rewards_for_several_things() -> None:
    terms = [share.document() for share in (*EVEN, BROUGHT, CHECKOUT, STAYED)]
    assert [share.document() for share in read_shares(terms, "CNY")] == terms


def test_terms_name_scenes_in_the_words_that_calls_carry() -> None:
    assert _LABEL.pattern == GATEWAYS_WORD.pattern.decode()


def test_of_a_file_that_others_counted_too_only_the_runs_are_rewarded(tmp_path: Path) -> None:
    given = under(inputs(PER_CALL), *EVEN, CHECKOUT)
    wanted = reward_terms(given.agreements, PERIOD.since, PERIOD.until)
    one, two = [call(scene="checkout")], [call(scene="checkout")] * 2
    (run,) = write(tmp_path, [one, two])
    tables = [to_table(read_segment(tmp_path, run.stream, number)) for number in (1, 2)]
    pq.write_table(pa.concat_tables(tables), tmp_path / "merged.parquet")
    second = replace(run, first_segment=2)
    found = count_rewards(Lake(str(tmp_path)), Unclosed([second], ["merged.parquet"], 2), wanted)
    assert [dict(places) for places in found.values()] == [{2: 2}]
