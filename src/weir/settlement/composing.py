"""A statement's figures from its lines, and what of the inputs its party may see. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from weir.settlement.documents import AgreementInput, Inputs, Line, PartyShare
from weir.settlement.dues import monthly_parties
from weir.settlement.periods import read_moment
from weir.settlement.rating import Slice, Usage, slices


@dataclass(frozen=True, slots=True)
class Figures:
    """What a statement says in numbers."""

    lines: list[Line]
    gross_minor: int
    tax_minor: int
    shares: list[PartyShare]
    sum_of_shares_minor: int
    owes_minor: int
    is_owed_minor: int
    balance_minor: int


def cut(since: datetime, until: datetime, agreements: Iterable[AgreementInput]) -> list[Slice]:
    """The period cut wherever an agreement begins or ends."""
    ends = [end for each in agreements for end in (each.effective_at, each.ended_at) if end]
    return slices(since, until, map(read_moment, ends))


def figures(all_lines: Iterable[Line], party: str, operator: str) -> Figures:
    """The figures of one party's statement: the operator's holds every line."""
    own = [line for line in all_lines if party == operator or involves(line, party)]
    totals: Counter[str] = Counter()
    for line in own:
        for share in line.shares:
            totals[share.party] += share.amount_minor
    owes = sum(line.gross_minor + line.tax_minor for line in own if line.partner == party)
    return Figures(
        lines=own,
        gross_minor=sum(line.gross_minor for line in own),
        tax_minor=sum(line.tax_minor for line in own),
        shares=[PartyShare(name, totals[name]) for name in sorted(totals)],
        sum_of_shares_minor=sum(totals.values()),
        owes_minor=owes,
        is_owed_minor=totals[party],
        balance_minor=totals[party] - owes,
    )


def involves(line: Line, party: str) -> bool:
    """Whether a line is this party's business."""
    return party in (line.partner, line.member) or any(s.party == party for s in line.shares)


def narrowed(inputs: Inputs, party: str, own: Sequence[Line], usage: Iterable[Usage]) -> Inputs:
    """The inputs a party's statement needs, and no more than it may see.

    Plans in other currencies stay when the party's own calls fall under them, so that a plan that
    is missing is always a fault. Of subscriptions and earlier lines only those stay that are
    charged together with a line of the party's. Who pays or gets something by the month needs all
    that is under the agreement, since a minimum depends on it.
    """
    if party == inputs.operator:
        return inputs
    shared = {
        each.product
        for each in inputs.agreements
        if party in monthly_parties(each, inputs.operator)
    }
    plans: set[tuple[str | None, str]] = {(line.plan, line.product) for line in own}
    plans |= {(u.key.plan, u.key.product) for u in usage if party in (u.key.partner, u.key.member)}
    plans |= {(plan.plan, plan.product) for plan in inputs.plans if plan.product in shared}
    products = shared | {product for _, product in plans}
    together = {(line.product, line.plan, line.partner) for line in own}
    return Inputs(
        operator=inputs.operator,
        plans=[plan for plan in inputs.plans if (plan.plan, plan.product) in plans],
        subscriptions=[
            each
            for each in inputs.subscriptions
            if each.product in shared or (each.product, each.plan, each.partner) in together
        ],
        agreements=[each for each in inputs.agreements if each.product in products],
        earlier=[
            line
            for line in inputs.earlier
            if line.product in shared or (line.product, line.plan, line.partner) in together
        ],
    )


def parties_of(all_lines: Iterable[Line]) -> set[str]:
    """Everyone who needs a statement besides the operator."""
    found: set[str] = set()
    for line in all_lines:
        found |= {line.partner, *(share.party for share in line.shares)}
        found |= {line.member} if line.member else set()
    return found
