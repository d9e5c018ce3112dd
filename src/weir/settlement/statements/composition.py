"""Composition of statements: figures from lines, and the inputs a party may see. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from weir.kernel.clock import read_moment
from weir.settlement.documents import Inputs, Line, PartyShare
from weir.settlement.rating.monthly_dues import monthly_parties
from weir.settlement.rating.usage import Key, Slice, slices


@dataclass(frozen=True, slots=True)
class Figures:
    """The lines of a statement and their sums, in minor units."""

    lines: list[Line]
    gross_minor: int
    tax_minor: int
    shares: list[PartyShare]
    sum_of_shares_minor: int
    owes_minor: int
    is_owed_minor: int
    balance_minor: int


def cut(since: datetime, until: datetime, inputs: Inputs) -> list[Slice]:
    """Cut the period wherever an agreement begins or ends, or a plan changes."""
    agreed = inputs.agreements
    ends = [end for each in agreed for end in (each.effective_at, each.ended_at) if end]
    ends += [change.effective_from for plan in inputs.plans for change in plan.changes]
    return slices(since, until, map(read_moment, ends))


@dataclass(frozen=True, slots=True)
class Whole:
    """All lines of a closing, and the lines and plans that concern each party.

    `plans_of` holds (plan, product) pairs.
    """

    inputs: Inputs
    lines: Sequence[Line]
    lines_of: Mapping[str, Sequence[Line]]
    plans_of: Mapping[str, Set[tuple[str | None, str]]]

    @classmethod
    def of(cls, inputs: Inputs, lines: Sequence[Line], keys: Iterable[Key]) -> Whole:
        lines_of: dict[str, list[Line]] = defaultdict(list)
        plans_of: dict[str, set[tuple[str | None, str]]] = defaultdict(set)
        for line in lines:
            for party in parties_in(line):
                lines_of[party].append(line)
                plans_of[party].add((line.plan, line.product))
        for key in keys:
            for concerned in (key.partner, key.member):
                if concerned is not None:
                    plans_of[concerned].add((key.plan, key.product))
        return cls(inputs, lines, lines_of, plans_of)

    def own_lines(self, party: str) -> Sequence[Line]:
        """Return the lines of a party's statement: the operator's holds every line."""
        return self.lines if party == self.inputs.operator else self.lines_of.get(party, [])

    def narrowed(self, party: str) -> Inputs:
        """Return the inputs that a party's statement needs and the party may see.

        Plans in other currencies stay when the party's own calls fall under them, so that a plan
        that is missing is always a fault. Subscriptions and earlier lines stay only if they are
        charged together with a line of the party. A party that pays or gets something by the month
        needs all inputs of the agreement's product, since a minimum depends on them.
        """
        inputs = self.inputs
        if party == inputs.operator:
            return inputs
        shared = {
            each.product
            for each in inputs.agreements
            if party in monthly_parties(each, inputs.operator)
        }
        plans = {
            (plan.plan, plan.product) for plan in inputs.plans if plan.product in shared
        } | self.plans_of.get(party, frozenset[tuple[str | None, str]]())
        products = shared | {product for _, product in plans}
        together = {(line.product, line.plan, line.partner) for line in self.own_lines(party)}
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
            rates=inputs.rates,
        )


def figures(own: Sequence[Line], party: str) -> Figures:
    """Sum up the lines of one party's statement."""
    totals: Counter[str] = Counter()
    for line in own:
        for share in line.shares:
            totals[share.party] += share.amount_minor
    owes = sum(line.gross_minor + line.tax_minor for line in own if line.partner == party)
    return Figures(
        lines=list(own),
        gross_minor=sum(line.gross_minor for line in own),
        tax_minor=sum(line.tax_minor for line in own),
        shares=[PartyShare(name, totals[name]) for name in sorted(totals)],
        sum_of_shares_minor=sum(totals.values()),
        owes_minor=owes,
        is_owed_minor=totals[party],
        balance_minor=totals[party] - owes,
    )


def parties_in(line: Line) -> set[str]:
    """Return the parties that a line concerns, besides the operator."""
    found = {line.partner, *(share.party for share in line.shares)}
    return found | {line.member} if line.member else found


def involves(line: Line, party: str) -> bool:
    """Whether a line concerns this party."""
    return party in parties_in(line)


def parties_of(all_lines: Iterable[Line]) -> set[str]:
    """Return the parties that need a statement, besides the operator."""
    return {party for line in all_lines for party in parties_in(line)}
