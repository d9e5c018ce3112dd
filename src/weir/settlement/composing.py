"""A statement's figures from counts and inputs. Pure: closing and verifying both call it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from weir.alliance.shares import MEMBER, WHOLE, Share
from weir.settlement.documents import AgreementInput, Inputs, Line, PartyShare, PlanInput
from weir.settlement.periods import read_moment
from weir.settlement.rating import Key, Slice, Usage, gross, slices
from weir.settlement.splitting import Parties, split


class UnknownPlan(Exception):  # noqa: N818 - it names what is unknown
    """Calls were made under a plan that is not among the inputs."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a statement says in numbers."""

    lines: list[Line]
    gross_minor: int
    shares: list[PartyShare]
    sum_of_shares_minor: int
    owes_minor: int
    is_owed_minor: int
    balance_minor: int


def cut(since: datetime, until: datetime, agreements: Iterable[AgreementInput]) -> list[Slice]:
    """The period cut wherever an agreement begins or ends."""
    ends = [end for each in agreements for end in (each.effective_at, each.ended_at) if end]
    return slices(since, until, map(read_moment, ends))


def lines(usage: Iterable[Usage], inputs: Inputs, currency: str) -> list[Line]:
    """All lines of a period in one currency, in a fixed order.

    UnknownPlan when calls fall under a plan the inputs do not price.
    """
    plans = {(plan.plan, plan.product): plan for plan in inputs.plans}
    calls: Counter[tuple[Key, str]] = Counter()
    billable: Counter[tuple[Key, str]] = Counter()
    for each in usage:
        plan = plans.get((each.key.plan, each.key.product))
        if plan is None:
            raise UnknownPlan(each.key.plan)
        if plan.currency == currency:
            agreement = _agreement(inputs.agreements, each)
            calls[each.key, agreement] += each.calls
            billable[each.key, agreement] += each.billable_calls
    by_name = {each.agreement: each for each in inputs.agreements}
    return [
        _line(
            key, by_name.get(name), plans[key.plan, key.product], count, billable[key, name], inputs
        )
        for (key, name), count in sorted(calls.items(), key=_order)
    ]


def figures(all_lines: Iterable[Line], party: str, operator: str) -> Figures:
    """The figures of one party's statement: the operator's holds every line."""
    own = [line for line in all_lines if party == operator or involves(line, party)]
    totals: Counter[str] = Counter()
    for line in own:
        for share in line.shares:
            totals[share.party] += share.amount_minor
    owes = sum(line.gross_minor for line in own if line.partner == party)
    return Figures(
        lines=own,
        gross_minor=sum(line.gross_minor for line in own),
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
    is missing is always a fault.
    """
    if party == inputs.operator:
        return inputs
    plans = {(line.plan, line.product) for line in own}
    plans |= {(u.key.plan, u.key.product) for u in usage if party in (u.key.partner, u.key.member)}
    products = {product for _, product in plans}
    return Inputs(
        operator=inputs.operator,
        plans=[plan for plan in inputs.plans if (plan.plan, plan.product) in plans],
        agreements=[each for each in inputs.agreements if each.product in products],
    )


def _agreement(agreements: Iterable[AgreementInput], usage: Usage) -> str:
    """The name of the newest agreement that covers the slice; empty when none does."""
    covering = [
        (each.version, each.agreement)
        for each in agreements
        if each.product == usage.key.product
        and read_moment(each.effective_at) <= usage.slice.since
        and (each.ended_at is None or usage.slice.until <= read_moment(each.ended_at))
    ]
    return max(covering)[1] if covering else ""


def _line(
    key: Key,
    agreement: AgreementInput | None,
    plan: PlanInput,
    calls: int,
    billable_calls: int,
    inputs: Inputs,
) -> Line:
    amount = gross(plan.price, billable_calls, plan.currency).amount_minor
    split_by = [Share(each.party, each.weight) for each in agreement.shares] if agreement else []
    parties = Parties(key.member or plan.owner, inputs.operator, key.partner)
    return Line(
        product=key.product,
        plan=key.plan,
        partner=key.partner,
        member=key.member,
        agreement=agreement.agreement if agreement else None,
        calls=calls,
        billable_calls=billable_calls,
        unit_price=plan.price,
        gross_minor=amount,
        # Without an agreement nobody but the member has a claim.
        shares=split(amount, split_by or [Share(MEMBER, WHOLE)], parties),
    )


def _order(item: tuple[tuple[Key, str], int]) -> tuple[str, ...]:
    (key, agreement), _ = item
    return (key.product, key.plan, key.partner, key.member or "", agreement)


def parties_of(all_lines: Iterable[Line]) -> set[str]:
    """Everyone who needs a statement besides the operator."""
    found: set[str] = set()
    for line in all_lines:
        found |= {line.partner, *(share.party for share in line.shares)}
        found |= {line.member} if line.member else set()
    return found
