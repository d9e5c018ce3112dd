"""Records and statements made from them without a database, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from seals import seal_all
from weir.agreements.shares import Share
from weir.kernel.clock import moment
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import read_seal
from weir.metering.records.writer import RecordWriter
from weir.settlement.documents import (
    AgreementInput,
    Inputs,
    PlanInput,
    Records,
    Run,
    Statement,
    runs_digest,
    sealed,
)
from weir.settlement.periods.periods import parse_period
from weir.settlement.rating.in_force import plans_of
from weir.settlement.rating.rewards import RewardCount, reward_terms
from weir.settlement.rating.usage import Count
from weir.settlement.statements import composition
from weir.settlement.statements.lines import lines
from weir.shelf.pricing import PerCall, Pricing

OPERATOR, BANK, INSURER, MARKET, SHOP = ("org_" + digit * 26 for digit in "01234")
ACCOUNTS, POLICIES = ("prd_" + digit * 26 for digit in "01")
STANDARD, PREMIUM, DOLLAR = ("pln_" + digit * 26 for digit in "012")
FIRST, SECOND = ("agr_" + digit * 26 for digit in "01")
STREAM = "str_" + "0" * 26
PERIOD = parse_period("2026-11")
SINCE_US = int(PERIOD.since.timestamp()) * 1_000_000
CHANGE = datetime(2026, 11, 15, tzinfo=UTC)


def shares(**weights: int) -> list[Share]:
    return [Share(party, weight) for party, weight in weights.items()]


def at(price: str) -> Pricing:
    return Pricing([PerCall(price)])


INPUTS = Inputs(
    operator=OPERATOR,
    plans=[
        PlanInput(STANDARD, ACCOUNTS, BANK, "CNY", at("0.015")),
        PlanInput(PREMIUM, POLICIES, INSURER, "CNY", at("0.33333333")),
        PlanInput(DOLLAR, POLICIES, INSURER, "USD", at("0.01")),
    ],
    agreements=[
        AgreementInput(
            FIRST,
            ACCOUNTS,
            1,
            moment(PERIOD.since - timedelta(days=3)),
            moment(CHANGE),
            "succeeded",
            "half_even",
            shares(member=7_000, operator=2_500, partner=500),
            BANK,
        ),
        AgreementInput(
            SECOND,
            ACCOUNTS,
            2,
            moment(CHANGE),
            None,
            "succeeded",
            "half_even",
            shares(member=6_667, operator=3_333),
            BANK,
        ),
    ],
    subscriptions=[],
    earlier=[],
)


def call(**fields: Any) -> CallRecord:
    """A billable call of the market to the bank's accounts, unless told otherwise."""
    given: dict[str, Any] = {
        "at_us": SINCE_US,
        "duration_us": 1,
        "interaction_id": "11111111-1111-4111-8111-111111111111",
        "organisation": MARKET,
        "product": ACCOUNTS,
        "plan": STANDARD,
        "member": BANK,
        "method": "GET",
        "status": 200,
    }
    return CallRecord(**(given | fields))


def write(folder: Path, segments: Iterable[Iterable[CallRecord]]) -> list[Run]:
    """Seal these segments as one stream and return its runs."""
    writer = RecordWriter.open(folder, STREAM)
    for records in segments:
        for each in records:
            writer.write(each)
        writer.seal()
    writer.close()
    assert seal_all(folder).findings == []
    numbers = sorted(int(path.stem) for path in (folder / STREAM).glob("*.seal"))
    if not numbers:
        return []
    first, last = (read_seal(folder, STREAM, n) for n in (numbers[0], numbers[-1]))
    return [Run(STREAM, first.segment, last.segment, first.previous, last.sha256)]


def statement(
    records: Sequence[CallRecord], runs: list[Run], party: str = OPERATOR, inputs: Inputs = INPUTS
) -> Statement:
    """The statement closing would make of these records."""
    parts = composition.cut(PERIOD.since, PERIOD.until, inputs)
    count = Count(parts, plans_of(inputs))
    count.add(records)
    counted = count.result()
    terms = reward_terms(inputs.agreements, PERIOD.since, PERIOD.until)
    rewards = RewardCount(terms)
    rewards.add(records)
    rewarded = runs if terms else []
    made = lines(counted.usage, inputs, "CNY", parts, rewards.result())
    whole = composition.Whole.of(inputs, made, [each.key for each in counted.usage])
    figures = composition.figures(whole.own_lines(party), party)
    return sealed(
        Statement(
            statement="stm_" + "0" * 26,
            form=1,
            party=party,
            period=PERIOD.name,
            since=moment(PERIOD.since),
            until=moment(PERIOD.until),
            currency="CNY",
            supplement=0,
            closed_at=moment(PERIOD.until),
            lines=figures.lines,
            gross_minor=figures.gross_minor,
            tax_minor=figures.tax_minor,
            shares=figures.shares,
            sum_of_shares_minor=figures.sum_of_shares_minor,
            owes_minor=figures.owes_minor,
            is_owed_minor=figures.is_owed_minor,
            balance_minor=figures.balance_minor,
            records=Records(runs, counted.records, runs_digest(runs), rewarded),
            inputs=whole.narrowed(party),
            sha256="",
        )
    )
