"""Greedy netting of many debts into few payments. Pure.

Every statement's line says who owes whom. A round takes any set of lines in one currency, sums each
party's debts and claims to one position, and lets parties that owe pay parties that are owed. No
party both pays and is paid, every position is settled to the minor unit, and there are fewer
payments than parties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from weir.settlement.documents import Line


@dataclass(frozen=True, slots=True, order=True)
class Payment:
    """A payment of `debtor` to `creditor`, in minor units of the round's currency."""

    debtor: str
    creditor: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Netting:
    """A round's outcome.

    `positions` are what each party is owed (positive) or owes (negative), and sum to zero. The
    figures `without_*` are the number and the sum of the payments if each pair of parties settled
    its own debt.
    """

    positions: dict[str, int]
    payments: list[Payment]
    without_payments: int
    without_minor: int

    @property
    def saved_payments(self) -> int:
        """The number of payments that netting saved."""
        return self.without_payments - len(self.payments)

    @property
    def moved_minor(self) -> int:
        """The sum of all payments."""
        return sum(payment.amount_minor for payment in self.payments)


def debts(lines: Iterable[Line]) -> dict[tuple[str, str], int]:
    """Return each partner's debt to each party with a share in its calls, as `sum_debts` does.

    A party's share in its own calls is not a debt.
    """
    return sum_debts(
        ((line.partner, share.party), share.amount_minor)
        for line in lines
        for share in line.shares
        if share.party != line.partner
    )


def sum_debts(owed: Iterable[tuple[tuple[str, str], int]]) -> dict[tuple[str, str], int]:
    """Sum debts by (debtor, creditor). A negative sum, from credits, is owed the other way.

    Debts that sum to zero are left out.
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for pair, amount_minor in owed:
        sums[pair] += amount_minor
    positive: dict[tuple[str, str], int] = defaultdict(int)
    for (debtor, creditor), amount_minor in sums.items():
        pair = (debtor, creditor) if amount_minor > 0 else (creditor, debtor)
        positive[pair] += abs(amount_minor)
    return {pair: amount_minor for pair, amount_minor in positive.items() if amount_minor}


def net(owed: Mapping[tuple[str, str], int]) -> Netting:
    """Settle debts given by (debtor, creditor). ValueError for one that is not positive."""
    positions: dict[str, int] = defaultdict(int)
    for (debtor, creditor), amount_minor in owed.items():
        if amount_minor <= 0 or debtor == creditor:
            raise ValueError("a debt is a positive amount between two parties")
        positions[debtor] -= amount_minor
        positions[creditor] += amount_minor
    ordered = {party: positions[party] for party in sorted(positions)}
    return Netting(ordered, _payments(ordered), len(owed), sum(owed.values()))


def _payments(positions: Mapping[str, int]) -> list[Payment]:
    """Greedy: match the largest debtor with the largest creditor until all balances are zero.

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
