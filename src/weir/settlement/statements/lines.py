"""Lines of a period, computed from counts; closing and verifying share it. Pure.

A partner's charge under a plan is computed on all its calls of the period together, whichever
member served them and whichever agreement was in force, so that a tier is reached once; then it is
spread over the lines by their part in the calls. Each line is rounded once. A supplement's lines
are the lines of the whole period now, less the lines of the closings before it, so closing late
never costs more or less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Final, NamedTuple

from weir.agreements.shares import MEMBER, WHOLE, Rounding, Share
from weir.kernel.clock import read_moment
from weir.settlement.documents import (
    AgreementInput,
    Charge,
    Inputs,
    Line,
    LineShare,
    PlanInput,
    Rewarded,
)
from weir.settlement.rating.charges import (
    MONTHLY,
    Part,
    Tally,
    charge,
    format_exact,
    months_between,
    round_amount,
)
from weir.settlement.rating.in_force import (
    agreement_at,
    has_monthly,
    is_monthly,
    pricing_of,
    version_at,
)
from weir.settlement.rating.monthly_dues import Due, dues
from weir.settlement.rating.rewards import Rewards
from weir.settlement.rating.splits import Parties, SplitInput, split
from weir.settlement.rating.usage import Key, Slice, Usage
from weir.shelf.pricing import HOURS_A_DAY, Hours, Tax

# The endings that are paid for, by an agreement's `billable`; without an agreement, `succeeded`.
_BILLABLE: Final = {"succeeded": {"succeeded"}, "answered": {"succeeded", "declined"}}


class UnknownPlan(Exception):  # noqa: N818 - it names what is unknown
    """Calls were made under a plan that is not among the inputs."""


@dataclass(slots=True)
class Cell:
    """The counts behind one line: of one key, agreement ('' is none) and version of the plan."""

    calls: int = 0
    billable: int = 0
    value_calls: int = 0
    value_units: int = 0
    by_utc_hour: list[int] = field(default_factory=lambda: [0] * HOURS_A_DAY)
    months: Fraction = Fraction(0)


class LineKey(NamedTuple):
    """The key of a line of a period, the same in all its closings. `agreement` '' is none."""

    key: Key
    agreement: str
    version: int  # of the plan


Group = tuple[str, str, str, int]  # product, plan, partner, version: what is charged together


def lines(
    usage: Iterable[Usage],
    inputs: Inputs,
    currency: str,
    parts: Sequence[Slice],
    rewards: Rewards | None = None,
) -> list[Line]:
    """Return all lines of a period in one currency, in a fixed order.

    `rewards` are the counts of rewarding terms over all records of the period. UnknownPlan when
    calls fall under a plan that the inputs do not price.
    """
    priced = {(plan.plan, plan.product): plan for plan in inputs.plans}
    agreements = {each.agreement: each for each in inputs.agreements}
    fresh = _counted(usage, inputs, priced, agreements, currency)
    whole = _with_earlier(fresh, (line for line in inputs.earlier if line.plan is not None))
    _add_months(whole, inputs, priced, currency, parts)
    charged = _charged(whole, priced)
    makers = dict(_makers(whole, priced, agreements, inputs.operator))
    moneys = _moneys(whole, charged, makers, rewards or {})
    earlier = _by_line_key(inputs.earlier)
    made = [
        _line(
            line_key,
            fresh.get(line_key, Cell()),
            charged[line_key],
            earlier.get(line_key, []),
            maker,
            money,
        )
        for (line_key, maker), money in zip(makers.items(), moneys.values(), strict=True)
    ]
    made += _due_lines(inputs, currency, parts, moneys, earlier)
    return sorted((line for line in made if _says_something(line)), key=_line_order)


def _counted(
    usage: Iterable[Usage],
    inputs: Inputs,
    priced: Mapping[tuple[str, str], PlanInput],
    agreements: Mapping[str, AgreementInput],
    currency: str,
) -> dict[LineKey, Cell]:
    """Return the counts of the plans in this currency by line; UnknownPlan as for `lines`."""
    cells: dict[LineKey, Cell] = defaultdict(Cell)
    names: dict[tuple[str, Slice], str] = {}
    for each in usage:
        plan = priced.get((each.key.plan, each.key.product))
        if plan is None:
            raise UnknownPlan(each.key.plan)
        if plan.currency != currency:
            continue
        when = each.key.product, each.slice
        if when not in names:
            names[when] = agreement_at(inputs.agreements, *when)
        name = names[when]
        version = version_at(plan, each.slice) if plan.changes else 1
        cell = cells[LineKey(each.key, name, version)]
        cell.calls += each.calls
        agreement = agreements.get(name)
        if each.ending in _BILLABLE[agreement.billable if agreement else "succeeded"]:
            cell.billable += each.calls
            cell.value_calls += each.value_calls
            cell.value_units += each.value_units
            if each.utc_hour is not None:
                cell.by_utc_hour[each.utc_hour] += each.calls
    return dict(cells)


def _with_earlier(fresh: Mapping[LineKey, Cell], earlier: Iterable[Line]) -> dict[LineKey, Cell]:
    """Return all known counts of the period: the new ones and the earlier closings'."""
    whole: dict[LineKey, Cell] = defaultdict(Cell)
    for line_key, cell in fresh.items():
        _add(whole[line_key], cell)
    for line in earlier:
        hours = line.by_utc_hour or [0] * HOURS_A_DAY
        units = int(line.value_units)
        before = Cell(line.calls, line.billable_calls, line.value_calls, units, hours)
        _add(whole[line_key_of(line)], before)
    return dict(whole)


def _add(cell: Cell, other: Cell) -> None:
    cell.calls += other.calls
    cell.billable += other.billable
    cell.value_calls += other.value_calls
    cell.value_units += other.value_units
    if any(other.by_utc_hour):
        pairs = zip(cell.by_utc_hour, other.by_utc_hour, strict=True)
        cell.by_utc_hour = [one + more for one, more in pairs]


def line_key_of(line: Line) -> LineKey:
    """Return the key of a line, the same in all closings of its period."""
    key = Key(line.product, line.plan or "", line.partner, line.member)
    return LineKey(key, line.agreement or "", line.plan_version)


def _add_months(
    cells: dict[LineKey, Cell],
    inputs: Inputs,
    priced: Mapping[tuple[str, str], PlanInput],
    currency: str,
    parts: Sequence[Slice],
) -> None:
    """Add to the cells the months in which subscriptions with a monthly price were active."""
    for each in inputs.subscriptions:
        plan = priced.get((each.plan, each.product))
        if plan is None or plan.currency != currency or not is_monthly(plan):
            continue
        since, until = read_moment(each.since), each.until and read_moment(each.until)
        for part in parts:
            months = _overlap(part, since, until or part.until)
            version = version_at(plan, part)
            if months and has_monthly(pricing_of(plan, version)):
                key = Key(each.product, each.plan, each.partner, None)
                name = agreement_at(inputs.agreements, each.product, part)
                cells.setdefault(LineKey(key, name, version), Cell()).months += months


def _overlap(part: Slice, since: datetime, until: datetime) -> Fraction:
    start, end = max(part.since, since), min(part.until, until)
    return months_between(start, end) if start < end else Fraction(0)


def _charged(
    cells: Mapping[LineKey, Cell], priced: Mapping[tuple[str, str], PlanInput]
) -> dict[LineKey, list[Part]]:
    """Return each cell's charge: its part of the partner's whole charge under the plan."""
    groups: dict[Group, list[LineKey]] = defaultdict(list)
    for line_key in cells:
        groups[_group(line_key)].append(line_key)
    charged: dict[LineKey, list[Part]] = {line_key: [] for line_key in cells}
    for (product, plan, _, version), line_keys in groups.items():
        own = [cells[line_key] for line_key in line_keys]
        pricing = pricing_of(priced[plan, product], version)
        parts = charge(pricing, _tally(own))
        if len(line_keys) == 1:  # the usual case: this line has the whole charge
            charged[line_keys[0]] = parts
            continue
        for part in parts:
            weights = [_weight(part, cell, pricing.find(Hours)) for cell in own]
            for line_key, portion in zip(line_keys, _spread(part, weights), strict=True):
                if portion.quantity:
                    charged[line_key].append(portion)
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
    """Return a cell's weights in a part of a charge: of its quantity, and of its amount."""
    if part.kind in MONTHLY:
        return cell.months, cell.months
    if part.kind == "value":
        return Fraction(cell.value_calls), Fraction(cell.value_units)
    if part.kind == "hours" and hours is not None:
        within = Fraction(hours.calls_within(part.step, cell.by_utc_hour))
        return within, within
    return Fraction(cell.billable), Fraction(cell.billable)


def _spread(part: Part, weights: Sequence[tuple[Fraction, Fraction]]) -> Iterator[Part]:
    """Divide a part of a charge by pairs of weights: of the quantity, and of the amount."""
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
    """The terms that turn a cell's charge into a line: plan, tax, agreement, parties."""

    plan: PlanInput
    tax: Tax | None
    agreement: AgreementInput | None
    parties: Parties

    @property
    def rounding(self) -> Rounding:
        return self.agreement.rounding if self.agreement else "half_even"


def _makers(
    cells: Iterable[LineKey],
    priced: Mapping[tuple[str, str], PlanInput],
    agreements: Mapping[str, AgreementInput],
    operator: str,
) -> Iterator[tuple[LineKey, _Maker]]:
    for line_key in cells:
        key = line_key.key
        plan = priced[key.plan, key.product]
        parties = Parties(key.member or plan.owner, operator, key.partner)
        tax = pricing_of(plan, line_key.version).tax
        yield line_key, _Maker(plan, tax, agreements.get(line_key.agreement), parties)


@dataclass(frozen=True, slots=True)
class _Money:
    """A line's gross and tax for the whole period so far, each rounded once, and its split."""

    gross_minor: int
    tax_minor: int
    shares: list[LineShare]
    rewarded: Mapping[int, int]


def _moneys(
    cells: Mapping[LineKey, Cell],
    charged: Mapping[LineKey, Sequence[Part]],
    makers: Mapping[LineKey, _Maker],
    rewards: Rewards,
) -> dict[LineKey, _Money]:
    """Return the amounts of each line.

    The gross of all lines that are charged together reaches the tiers of shares.
    """
    gross = {line_key: _rounded(charged[line_key], makers[line_key]) for line_key in makers}
    together: dict[tuple[Group, str], int] = defaultdict(int)
    for line_key, gross_minor in gross.items():
        together[_together(line_key)] += gross_minor
    newest: dict[tuple[str, Key], int] = defaultdict(int)
    for line_key in makers:
        named = (line_key.agreement, line_key.key)
        newest[named] = max(newest[named], line_key.version)
    moneys = {}
    for line_key, maker in makers.items():
        named = (line_key.agreement, line_key.key)
        # Rewards are counted over the whole period; the line of the newest plan version pays them.
        earned = rewards.get(named, {}) if newest[named] == line_key.version else {}
        takings = SplitInput(
            gross[line_key],
            cells[line_key].billable,
            together[_together(line_key)],
            maker.plan.currency,
            maker.rounding,
            earned,
        )
        moneys[line_key] = _money(takings, charged[line_key], maker)
    return moneys


def _together(line_key: LineKey) -> tuple[Group, str]:
    return _group(line_key), line_key.agreement


def _group(line_key: LineKey) -> Group:
    return line_key.key.product, line_key.key.plan, line_key.key.partner, line_key.version


def _line(
    line_key: LineKey,
    fresh: Cell,
    charged: Sequence[Part],
    earlier: Sequence[Line],
    maker: _Maker,
    money: _Money,
) -> Line:
    key = line_key.key
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
        gross_minor=money.gross_minor - sum(line.gross_minor for line in earlier),
        tax_minor=money.tax_minor - sum(line.tax_minor for line in earlier),
        shares=_less(money.shares, earlier),
        rewarded=[Rewarded(term, count) for term, count in sorted(money.rewarded.items())],
        plan_version=line_key.version,
    )


def _rounded(charged: Sequence[Part], maker: _Maker, rate: str = "1") -> int:
    amount = sum((part.amount for part in charged), Fraction(0)) * Fraction(rate)
    return round_amount(amount, maker.plan.currency, maker.rounding).amount_minor


def _money(takings: SplitInput, charged: Sequence[Part], maker: _Maker) -> _Money:
    gross_minor = takings.gross_minor
    # Without an agreement the whole gross is the member's.
    terms = maker.agreement.shares if maker.agreement else [Share(MEMBER, WHOLE)]
    shares = split(takings, terms, maker.parties)
    if maker.tax is None:
        return _Money(gross_minor, 0, shares, takings.rewarded)
    tax_minor = _rounded(charged, maker, maker.tax.rate)
    passed_on = LineShare(maker.parties.member, "tax", tax_minor)
    return _Money(gross_minor, tax_minor, [*shares, passed_on], takings.rewarded)


def _due_lines(
    inputs: Inputs,
    currency: str,
    parts: Sequence[Slice],
    moneys: Mapping[LineKey, _Money],
    earlier: Mapping[LineKey, Sequence[Line]],
) -> list[Line]:
    """Return the lines of monthly dues, less the amounts of earlier closings."""
    given: dict[tuple[str, str], int] = defaultdict(int)
    for line_key, money in moneys.items():
        for share in money.shares:
            if share.role != "tax":
                given[line_key.agreement, share.party] += share.amount_minor
    standing: dict[str, list[Slice]] = defaultdict(list)
    for product in {each.product for each in inputs.agreements}:
        for part in parts:
            standing[agreement_at(inputs.agreements, product, part)].append(part)
    found = {
        LineKey(Key(due.agreement.product, "", due.payer, None), due.agreement.agreement, 1): due
        for due in dues(inputs, currency, standing, given)
    }
    ended = {line_key for line_key in earlier if not line_key.key.plan} - set(found)
    made = [_due_line(line_key, due, earlier.get(line_key, [])) for line_key, due in found.items()]
    return made + [_due_line(line_key, None, earlier[line_key]) for line_key in ended]


def _due_line(line_key: LineKey, due: Due | None, earlier: Sequence[Line]) -> Line:
    """Return the line of a payer's dues; `due` None when it owes none any more."""
    key, agreement, _ = line_key
    before = {(share.party, share.role): 0 for line in earlier for share in line.shares}
    owed = due.shares if due else []
    now = {(share.party, share.role): share.amount_minor for share in owed}
    shares = [LineShare(party, role, amount) for (party, role), amount in (before | now).items()]
    return Line(
        product=key.product,
        plan=None,
        partner=key.partner,
        member=None,
        agreement=agreement,
        calls=0,
        billable_calls=0,
        value_calls=0,
        value_units="0",
        by_utc_hour=[],
        charges=[_charge(part) for part in due.parts] if due else [],
        gross_minor=sum(now.values()) - sum(line.gross_minor for line in earlier),
        tax_minor=0,
        shares=_less(shares, earlier),
    )


def _says_something(line: Line) -> bool:
    money = line.gross_minor or line.tax_minor or any(s.amount_minor for s in line.shares)
    return bool(line.calls or money)


def _less(shares: Sequence[LineShare], earlier: Sequence[Line]) -> list[LineShare]:
    """Subtract from each share what its party had in the same role on earlier lines."""
    given: dict[tuple[str, str], int] = defaultdict(int)
    for line in earlier:
        for share in line.shares:
            given[share.party, share.role] += share.amount_minor
    return [
        LineShare(each.party, each.role, each.amount_minor - given[each.party, each.role])
        for each in shares
    ]


def _by_line_key(earlier: Iterable[Line]) -> dict[LineKey, list[Line]]:
    found: dict[LineKey, list[Line]] = defaultdict(list)
    for line in earlier:
        found[line_key_of(line)].append(line)
    return found


def _charge(part: Part) -> Charge:
    return Charge(
        part.component,
        part.kind,
        part.step,
        format_exact(part.quantity),
        part.price,
        format_exact(part.amount),
    )


def _line_order(line: Line) -> tuple[str, ...]:
    key, agreement, version = line_key_of(line)
    return (key.product, key.plan, key.partner, key.member or "", agreement, f"{version:09}")
