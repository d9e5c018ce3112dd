"""The worked example in docs/money.md is what the code computes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from statement_world import ACCOUNTS, BANK, MARKET, OPERATOR, PERIOD, STANDARD

from weir.ledger.postings import ACCOUNT_KINDS
from weir.settlement import composing
from weir.settlement.closing import posting_of
from weir.settlement.documents import AgreementInput, Inputs, Line, PlanInput, ShareInput
from weir.settlement.periods import moment
from weir.settlement.rating import Key, Slice, Usage

MONEY = Path(__file__).parents[3] / "docs" / "money.md"
NAMES = {BANK: "member", OPERATOR: "operator", MARKET: "partner"}


def test_the_worked_example_is_right() -> None:
    found = re.search(r"```json\n(.*?)```", MONEY.read_text(), re.DOTALL)
    assert found is not None
    example = json.loads(found[1])
    plan = PlanInput(STANDARD, ACCOUNTS, BANK, **example["plan"])
    shares = [ShareInput(**share) for share in example["split"]]
    since = moment(PERIOD.since)
    agreement = AgreementInput("agr_" + "0" * 26, ACCOUNTS, 1, since, None, shares)
    usage = Usage(
        Slice(PERIOD.since, PERIOD.until),
        Key(ACCOUNTS, STANDARD, MARKET, BANK),
        example["calls"],
        example["billable_calls"],
    )
    inputs = Inputs(OPERATOR, [plan], [agreement])
    (line,) = composing.lines([usage], inputs, plan.currency)
    assert line.gross_minor == example["gross_minor"]
    assert [share.amount_minor for share in line.shares] == example["shares"]
    assert entries(line, plan.currency) == example["entries"]


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
