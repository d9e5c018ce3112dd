"""From counts to the lines of a period. Pure: closing and verifying both call it.

What a partner pays under a plan is charged on all its calls of the period together, whoever served
them and under whichever agreement, so that a tier is reached once; then it is spread over the lines
by their part in it. Each line is rounded once. A supplement's lines are what the whole period comes
to now, less what the closings before it said, so closing late never costs more or less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Final

from weir.alliance.shares import MEMBER, WHOLE, Share
from weir.settlement.charging import Part, Tally, charge, exact, months_between, rounded
from weir.settlement.documents import AgreementInput, Charge, Inputs, Line, LineShare, PlanInput
from weir.settlement.periods import read_moment
from weir.settlement.rating import Key, Plans, Priced, Slice, Usage
from weir.settlement.splitting import Parties, split
from weir.shelf.pricing import HOURS_A_DAY, Fixed, Hours, Package

_MONTHLY: Final = frozenset({"package", "fixed"})
# An agreement may want the declined calls paid too; without one, only what succeeded is.
_BILLABLE: Final = {"succeeded": {"succeeded"}, "answered": {"succeeded", "declined"}}


class UnknownPlan(Exception):  # noqa: N818 - it names what is unknown
    """Calls were made under a plan that is not among the inputs."""


@dataclass(slots=True)
class Cell:
    """What one line is made of: the counts of one key under one agreement ('' is none)."""

    calls: int = 0
    billable: int = 0
    value_calls: int = 0
    value_units: int = 0
    by_utc_hour: list[int] = field(default_factory=lambda: [0] * HOURS_A_DAY)
    months: Fraction = Fraction(0)


Place = tuple[Key, str]
Group = tuple[str, str, str]  # product, plan, partner: what is charged together


def plans_of(inputs: Inputs) -> Plans:
    """The plans of a statement's inputs, as counting wants them."""
    return {each.plan: Priced(each.currency, each.pricing) for each in inputs.plans}


def lines(
    usage: Iterable[Usage], inputs: Inputs, currency: str, parts: Sequence[Slice]
) -> list[Line]:
    """All lines of a period in one currency, in a fixed order.

    UnknownPlan when calls fall under a plan the inputs do not price.
    """
    priced = {(plan.plan, plan.product): plan for plan in inputs.plans}
    agreements = {each.agreement: each for each in inputs.agreements}
    fresh = _counted(usage, inputs, priced, agreements, currency)
    whole = _with_earlier(fresh, inputs.earlier)
    _add_months(whole, inputs, priced, currency, parts)
    charged = _charged(whole, priced)
    earlier = _by_place(inputs.earlier)
    made = (
        _line(place, fresh.get(place, Cell()), charged[place], earlier.get(place, []), maker)
        for place, maker in _makers(whole, priced, agreements, inputs.operator)
    )
    return [line for line in made if line.calls or line.gross_minor or line.tax_minor]


def _counted(
    usage: Iterable[Usage],
    inputs: Inputs,
    priced: Mapping[tuple[str, str], PlanInput],
    agreements: Mapping[str, AgreementInput],
    currency: str,
) -> dict[Place, Cell]:
    cells: dict[Place, Cell] = defaultdict(Cell)
    for each in usage:
        plan = priced.get((each.key.plan, each.key.product))
        if plan is None:
            raise UnknownPlan(each.key.plan)
        if plan.currency != currency:
            continue
        name = agreement_at(inputs.agreements, each.key.product, each.slice)
        cell = cells[each.key, name]
        cell.calls += each.calls
        agreement = agreements.get(name)
        if each.ending in _BILLABLE[agreement.billable if agreement else "succeeded"]:
            cell.billable += each.calls
            cell.value_calls += each.value_calls
            cell.value_units += each.value_units
            if each.utc_hour is not None:
                cell.by_utc_hour[each.utc_hour] += each.calls
    return dict(cells)


def agreement_at(agreements: Iterable[AgreementInput], product: str, part: Slice) -> str:
    """The name of the newest agreement that covers the slice; empty when none does."""
    covering = [
        (each.version, each.agreement)
        for each in agreements
        if each.product == product
        and read_moment(each.effective_at) <= part.since
        and (each.ended_at is None or part.until <= read_moment(each.ended_at))
    ]
    return max(covering)[1] if covering else ""


def _with_earlier(fresh: Mapping[Place, Cell], earlier: Iterable[Line]) -> dict[Place, Cell]:
    """All that is known of the period: what is new, and what earlier closings counted."""
    whole: dict[Place, Cell] = defaultdict(Cell)
    for place, cell in fresh.items():
        _add(whole[place], cell)
    for line in earlier:
        hours = line.by_utc_hour or [0] * HOURS_A_DAY
        units = int(line.value_units)
        before = Cell(line.calls, line.billable_calls, line.value_calls, units, hours)
        _add(whole[place_of(line)], before)
    return dict(whole)


def _add(cell: Cell, other: Cell) -> None:
    cell.calls += other.calls
    cell.billable += other.billable
    cell.value_calls += other.value_calls
    cell.value_units += other.value_units
    pairs = zip(cell.by_utc_hour, other.by_utc_hour, strict=True)
    cell.by_utc_hour = [one + more for one, more in pairs]


def place_of(line: Line) -> Place:
    """Which line of a period it is, through all its closings."""
    return Key(line.product, line.plan, line.partner, line.member), line.agreement or ""


def _add_months(
    cells: dict[Place, Cell],
    inputs: Inputs,
    priced: Mapping[tuple[str, str], PlanInput],
    currency: str,
    parts: Sequence[Slice],
) -> None:
    """Monthly prices run while a subscription stands, whether or not a call was made."""
    for each in inputs.subscriptions:
        plan = priced.get((each.plan, each.product))
        if plan is None or plan.currency != currency or not is_monthly(plan):
            continue
        since, until = read_moment(each.since), each.until and read_moment(each.until)
        for part in parts:
            months = _overlap(part, since, until or part.until)
            if months:
                key = Key(each.product, each.plan, each.partner, None)
                name = agreement_at(inputs.agreements, each.product, part)
                cells.setdefault((key, name), Cell()).months += months


def is_monthly(plan: PlanInput) -> bool:
    """Whether something is charged under the plan even when nobody calls."""
    return plan.pricing.find(Fixed) is not None or plan.pricing.find(Package) is not None


def _overlap(part: Slice, since: datetime, until: datetime) -> Fraction:
    start, end = max(part.since, since), min(part.until, until)
    return months_between(start, end) if start < end else Fraction(0)


def _charged(
    cells: Mapping[Place, Cell], priced: Mapping[tuple[str, str], PlanInput]
) -> dict[Place, list[Part]]:
    """What each cell is charged: its part of what its partner is charged under the plan."""
    groups: dict[Group, list[Place]] = defaultdict(list)
    for place in cells:
        key = place[0]
        groups[key.product, key.plan, key.partner].append(place)
    charged: dict[Place, list[Part]] = {place: [] for place in cells}
    for (product, plan, _), places in groups.items():
        own = [cells[place] for place in places]
        pricing = priced[plan, product].pricing
        for part in charge(pricing, _tally(own)):
            weights = [_weight(part, cell, pricing.find(Hours)) for cell in own]
            for place, portion in zip(places, _spread(part, weights), strict=True):
                if portion.quantity:
                    charged[place].append(portion)
    return charged


def _tally(cells: Iterable[Cell]) -> Tally:
    total = Cell()
    for cell in cells:
        _add(total, cell)
        total.months += cell.months
    return Tally(
        total.billable, total.value_calls, total.value_units, tuple(total.by_utc_hour), total.months
    )


def _weight(part: Part, cell: Cell, hours: Hours | None) -> tuple[Fraction, Fraction]:
    """A cell's part of a charge: of its quantity, and of its amount."""
    if part.kind in _MONTHLY:
        return cell.months, cell.months
    if part.kind == "value":
        return Fraction(cell.value_calls), Fraction(cell.value_units)
    if part.kind == "hours" and hours is not None:
        within = Fraction(hours.calls_within(part.step, cell.by_utc_hour))
        return within, within
    return Fraction(cell.billable), Fraction(cell.billable)


def _spread(part: Part, weights: Sequence[tuple[Fraction, Fraction]]) -> Iterator[Part]:
    quantities = sum((weight for weight, _ in weights), Fraction(0))
    amounts = sum((weight for _, weight in weights), Fraction(0))
    for quantity, amount in weights:
        yield Part(
            part.component,
            part.kind,
            part.step,
            part.quantity * quantity / quantities if quantities else Fraction(0),
            part.price,
            part.amount * amount / amounts if amounts else Fraction(0),
        )


@dataclass(frozen=True, slots=True)
class _Maker:
    """What turns a cell's charge into a line: the plan, the agreement, who is who."""

    plan: PlanInput
    agreement: AgreementInput | None
    parties: Parties


def _makers(
    cells: Iterable[Place],
    priced: Mapping[tuple[str, str], PlanInput],
    agreements: Mapping[str, AgreementInput],
    operator: str,
) -> Iterator[tuple[Place, _Maker]]:
    for key, name in sorted(cells, key=_order):
        plan = priced[key.plan, key.product]
        parties = Parties(key.member or plan.owner, operator, key.partner)
        yield (key, name), _Maker(plan, agreements.get(name), parties)


def _line(
    place: Place, fresh: Cell, charged: Sequence[Part], earlier: Sequence[Line], maker: _Maker
) -> Line:
    key, _ = place
    gross_minor, tax_minor, shares = _money(charged, maker)
    return Line(
        product=key.product,
        plan=key.plan,
        partner=key.partner,
        member=key.member,
        agreement=maker.agreement.agreement if maker.agreement else None,
        calls=fresh.calls,
        billable_calls=fresh.billable,
        value_calls=fresh.value_calls,
        value_units=str(fresh.value_units),
        by_utc_hour=fresh.by_utc_hour if any(fresh.by_utc_hour) else [],
        charges=[_charge(part) for part in charged],
        gross_minor=gross_minor - sum(line.gross_minor for line in earlier),
        tax_minor=tax_minor - sum(line.tax_minor for line in earlier),
        shares=_less(shares, earlier),
    )


def _money(charged: Sequence[Part], maker: _Maker) -> tuple[int, int, list[LineShare]]:
    """Gross and tax of the whole period so far, rounded once each, and whose they are."""
    currency, agreement = maker.plan.currency, maker.agreement
    rule = agreement.rounding if agreement else "half_even"
    amount = sum((part.amount for part in charged), Fraction(0))
    gross_minor = rounded(amount, currency, rule).amount_minor
    # Without an agreement nobody but the member has a claim.
    shares = [Share(each.party, each.weight) for each in agreement.shares] if agreement else []
    parts = split(gross_minor, shares or [Share(MEMBER, WHOLE)], maker.parties)
    tax = maker.plan.pricing.tax
    if tax is None:
        return gross_minor, 0, parts
    tax_minor = rounded(amount * Fraction(tax.rate), currency, rule).amount_minor
    return gross_minor, tax_minor, [*parts, LineShare(maker.parties.member, "tax", tax_minor)]


def _less(shares: Sequence[LineShare], earlier: Sequence[Line]) -> list[LineShare]:
    """The shares less what the same party was given in the same role before."""
    given: dict[tuple[str, str], int] = defaultdict(int)
    for line in earlier:
        for share in line.shares:
            given[share.party, share.role] += share.amount_minor
    return [
        LineShare(each.party, each.role, each.amount_minor - given[each.party, each.role])
        for each in shares
    ]


def _by_place(earlier: Iterable[Line]) -> dict[Place, list[Line]]:
    found: dict[Place, list[Line]] = defaultdict(list)
    for line in earlier:
        found[place_of(line)].append(line)
    return found


def _charge(part: Part) -> Charge:
    return Charge(
        part.component,
        part.kind,
        part.step,
        exact(part.quantity),
        part.price,
        exact(part.amount),
    )


def _order(place: Place) -> tuple[str, ...]:
    key, agreement = place
    return (key.product, key.plan, key.partner, key.member or "", agreement)
