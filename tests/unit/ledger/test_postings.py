"""Postings as values: unbalanced ones cannot be made, and a reversal undoes exactly one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.money import Money
from weir.ledger.postings import Entry, Posting, reversal, totals

BANK, MARKET = "org_" + "0" * 26, "org_" + "1" * 26
RECEIVABLE, PAYABLE = f"receivable:{MARKET}", f"payable:{BANK}"


def entry(account: str, amount_minor: int, currency: str = "CNY") -> Entry:
    return Entry(account, Money(amount_minor, currency))


def test_entries_must_sum_to_zero_in_every_currency() -> None:
    assert Posting("r", "d", (entry(RECEIVABLE, 5), entry(PAYABLE, -5))).reference == "r"
    for entries in (
        (entry(RECEIVABLE, 5), entry(PAYABLE, -4)),
        (entry(RECEIVABLE, 5), entry(PAYABLE, -5, "USD")),
        (entry(RECEIVABLE, 5),),
        (),
    ):
        with pytest.raises(ValueError, match="entries"):
            Posting("r", "d", entries)


@pytest.mark.parametrize(
    "account", ["", "receivable", f"bank:{BANK}", "receivable:org_1", f"{RECEIVABLE}\n"]
)
def test_an_account_has_a_known_kind_and_an_owner(account: str) -> None:
    with pytest.raises(ValueError, match="account"):
        entry(account, 1)


@pytest.mark.parametrize("amount_minor", [0, 2**63, -(2**63)])
def test_an_amount_is_not_zero_and_fits(amount_minor: int) -> None:
    with pytest.raises(ValueError, match="amount"):
        entry(RECEIVABLE, amount_minor)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=20))
def test_a_reversal_mirrors_every_entry(amounts: list[int]) -> None:
    entries = [entry(PAYABLE, -amount) for amount in amounts]
    posting = Posting("r", "d", (entry(RECEIVABLE, sum(amounts)), *entries))
    undone = reversal(posting.entries, "pst_1", "mistake")
    assert totals((*posting.entries, *undone.entries)) == {"CNY": 0}
    assert undone.reference == "reversal:pst_1"
    assert reversal(undone.entries, "pst_2", "again").entries == posting.entries
