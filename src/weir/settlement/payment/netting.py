"""Netting: many debts among many parties, settled by as few payments as one can show. Pure.

Every statement's line says who owes whom. A round takes any set of lines in one currency, sums each
party's debts and claims to one position, and lets those who owe pay those who are owed. No party
both pays and is paid, every position is settled to the minor unit, and there are fewer payments
than parties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from weir.settlement.documents import Line


@dataclass(frozen=True, slots=True, order=True)
class Payment:
    """`debtor` pays `creditor`, in minor units of the round's currency."""

    debtor: str
    creditor: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Netting:
    """A round's outcome.

    `positions` are what each party is owed (positive) or owes (negative), and sum to zero. The
    figures `without_*` are what paying every debt between two parties would have taken.
    """

    positions: dict[str, int]
    payments: list[Payment]
    without_payments: int
    without_minor: int

    @property
    def saved_payments(self) -> int:
        return self.without_payments - len(self.payments)

    @property
    def moved_minor(self) -> int:
        """What is paid in all."""
        return sum(payment.amount_minor for payment in self.payments)


def debts(lines: Iterable[Line]) -> dict[tuple[str, str], int]:
    """What each partner owes each party that has a share in its calls, as `turned` gives it.

    What a party owes itself is no debt.
    """
    return turned(
        ((line.partner, share.party), share.amount_minor)
        for line in lines
        for share in line.shares
        if share.party != line.partner
    )


def turned(owed: Iterable[tuple[tuple[str, str], int]]) -> dict[tuple[str, str], int]:
    """Debts summed by (debtor, creditor). A negative sum, from credits, is owed the other way."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for pair, amount_minor in owed:
        sums[pair] += amount_minor
    positive: dict[tuple[str, str], int] = defaultdict(int)
    for (debtor, creditor), amount_minor in sums.items():
        pair = (debtor, creditor) if amount_minor > 0 else (creditor, debtor)
        positive[pair] += abs(amount_minor)
    return {pair: amount_minor for pair, amount_minor in positive.items() if amount_minor}


def net(owed: Mapping[tuple[str, str], int]) -> Netting:
    """Settle debts given as positive amounts by (debtor, creditor)."""
    positions: dict[str, int] = defaultdict(int)
    for (debtor, creditor), amount_minor in owed.items():
        if amount_minor <= 0 or debtor == creditor:
            raise ValueError("a debt is a positive amount between two parties")
        positions[debtor] -= amount_minor
        positions[creditor] += amount_minor
    ordered = {party: positions[party] for party in sorted(positions)}
    return Netting(ordered, _payments(ordered), len(owed), sum(owed.values()))


def _payments(positions: Mapping[str, int]) -> list[Payment]:
    """The largest debtor pays the largest creditor what either has left, until nobody has.

    Each payment settles one of its two sides, so there are fewer payments than parties.
    """
    left = {party: position for party, position in positions.items() if position}
    payments = []
    while left:
        debtor = min(left, key=lambda party: (left[party], party))
        creditor = max(left, key=lambda party: (left[party], party))
        amount_minor = min(-left[debtor], left[creditor])
        payments.append(Payment(debtor, creditor, amount_minor))
        for party, change in ((debtor, amount_minor), (creditor, -amount_minor)):
            left[party] += change
            if not left[party]:
                del left[party]
    return sorted(payments)
