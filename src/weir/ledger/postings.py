"""Postings as values: balanced by construction, and their reversals. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from weir.kernel.money import Money
from weir.ledger.declares import POSTING_ENTRIES, REFERENCE_CHARACTERS

# Kinds of accounts: the first word of an account's name; the second is its organisation.
ACCOUNT_KINDS: Final = {
    "receivable": "what a party owes the alliance",
    "payable": "what the alliance owes a party",
    "revenue": "what the operator earned",
    "exchange": "what the operator gained or lost because a rate moved",
    "cash": "what the operator was paid, less what it paid",
}
_ACCOUNT = re.compile(rf"(?:{'|'.join(ACCOUNT_KINDS)}):org_[0-9a-z]{{26}}")
_LARGEST_MINOR: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a posting: a debit is positive, a credit negative."""

    account: str
    amount: Money

    def __post_init__(self) -> None:
        if _ACCOUNT.fullmatch(self.account) is None:
            raise ValueError("not an account's name")
        if not 0 < abs(self.amount.amount_minor) <= _LARGEST_MINOR:
            raise ValueError("an entry's amount is zero or does not fit")


@dataclass(frozen=True, slots=True)
class Posting:
    """Entries that belong together and sum to zero in every currency.

    `reference` says what the posting is for; it is unique in the books.
    """

    reference: str
    description: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.reference) <= REFERENCE_CHARACTERS:
            raise ValueError("a posting needs a reference of bounded length")
        if not 2 <= len(self.entries) <= POSTING_ENTRIES:
            raise ValueError("a posting has from two entries to the limit")
        if any(totals(self.entries).values()):
            raise ValueError("the entries do not sum to zero")


def totals(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the sum of entries by currency, in minor units."""
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.amount.currency] += entry.amount.amount_minor
    return dict(sums)


def reversal(entries: Iterable[Entry], identifier: str, reason: str) -> Posting:
    """Return the posting that undoes the posting `identifier`, which has these entries."""
    mirrored = tuple(Entry(entry.account, -entry.amount) for entry in entries)
    return Posting(f"reversal:{identifier}", reason, mirrored)
