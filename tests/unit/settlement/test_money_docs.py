"""The worked example in docs/money.md is what the code computes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

from statement_world import ACCOUNTS, BANK, INSURER, MARKET, OPERATOR, PERIOD, STANDARD

from weir.agreements.shares import Share, read_shares
from weir.kernel.clock import moment
from weir.ledger.postings import ACCOUNT_KINDS
from weir.settlement.closing.closing import posting_of
from weir.settlement.documents import AgreementInput, Inputs, Line, PlanInput
from weir.settlement.rating.usage import Key, Slice, Usage
from weir.settlement.statements.lines import lines
from weir.shelf.pricing import Component, read_pricing
from weir.shelf.pricing_words import words

MONEY = Path(__file__).parents[3] / "docs" / "money.md"
NAMES = {BANK: "member", OPERATOR: "operator", MARKET: "partner", INSURER: "scorer"}


def examples() -> list[str]:
    return re.findall(r"```json\n(.*?)```", MONEY.read_text(), re.DOTALL)


def test_the_pricing_that_is_shown_is_one() -> None:
    shown, *_ = (json.loads(block) for block in examples())
    assert words(read_pricing(shown), "CNY", "en") == [
        "CNY 300 a month",
        "each call: CNY 0.05 up to 100,000, CNY 0.03 above",
        "plus 6% VAT",
    ]


def test_every_component_and_field_of_a_pricing_is_explained() -> None:
    text = MONEY.read_text()
    for kind in get_args(Component):
        for word in (kind.__struct_config__.tag, *kind.__struct_fields__):
            assert f"`{word}`" in text, word


def test_the_worked_example_is_right() -> None:
    _, example, *_ = (json.loads(block) for block in examples())
    plan = PlanInput(
        STANDARD, ACCOUNTS, BANK, example["currency"], read_pricing(example["pricing"])
    )
    shares = [Share(**share) for share in example["split"]]
    since = moment(PERIOD.since)
    agreement = AgreementInput(
        "agr_" + "0" * 26, ACCOUNTS, 1, since, None, "succeeded", "half_even", shares, BANK
    )
    part, key = Slice(PERIOD.since, PERIOD.until), Key(ACCOUNTS, STANDARD, MARKET, BANK)
    usage = [
        Usage(part, key, "succeeded", None, example["billable_calls"], 0, 0),
        Usage(part, key, "failed", None, example["calls"] - example["billable_calls"], 0, 0),
    ]
    inputs = Inputs(OPERATOR, [plan], [], [agreement], [])
    (line,) = lines(usage, inputs, plan.currency, [part])
    assert line.gross_minor == example["gross_minor"]
    assert [share.amount_minor for share in line.shares] == example["shares"]
    assert entries(line, plan.currency) == example["entries"]


def test_the_worked_example_with_all_terms_is_right() -> None:
    _, _, example, *_ = (json.loads(block) for block in examples())
    pricing = read_pricing(example["pricing"])
    plan = PlanInput(STANDARD, ACCOUNTS, BANK, example["currency"], pricing)
    terms = [
        each | {"party": each["party"].replace("scorer", INSURER)} for each in example["shares"]
    ]
    shares = read_shares(terms, plan.currency)
    since = moment(PERIOD.since)
    agreement = AgreementInput(
        "agr_" + "0" * 26, ACCOUNTS, 1, since, None, "succeeded", "half_even", shares, BANK
    )
    part, key = Slice(PERIOD.since, PERIOD.until), Key(ACCOUNTS, STANDARD, MARKET, BANK)
    usage = [Usage(part, key, "succeeded", None, example["billable_calls"], 0, 0)]
    found = lines(usage, Inputs(OPERATOR, [plan], [], [agreement], []), plan.currency, [part])
    assert sorted([entries(line, plan.currency) for line in found], key=len) == sorted(
        example["lines"], key=len
    )


def test_the_rewards_that_are_shown_are_terms() -> None:
    terms = next(json.loads(each) for each in examples() if '"referrer"' in each)
    read = read_shares(terms, "CNY")
    assert [share.is_rewarding for share in read] == [False, False, True, True]


def entries(line: Line, currency: str) -> dict[str, int]:
    posting = posting_of(line, "example", currency, OPERATOR)
    assert posting is not None
    named = {}
    for entry in posting.entries:
        kind, owner = entry.account.split(":")
        named[f"{kind}:{NAMES[owner]}"] = entry.amount.amount_minor
    return named


def test_every_kind_of_account_and_every_figure_of_a_line_is_explained() -> None:
    text = MONEY.read_text()
    for word in (*ACCOUNT_KINDS, *Line.__struct_fields__):
        assert f"`{word}" in text, word
