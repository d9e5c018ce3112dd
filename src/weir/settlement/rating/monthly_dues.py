"""Monthly dues: fixed parts and minimums that parties of an agreement owe each other. Pure.

A fixed part is owed for the time the agreement was in force. Of a minimum, its payer owes what the
party's other amounts under the agreement, over the whole period, fall short of it. Each payer's
dues under one agreement make a line of their own, whose gross goes to other parties only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from weir.agreements.shares import MEMBER, OPERATOR, Share
from weir.kernel.money import MINOR_DIGITS
from weir.settlement.documents import AgreementInput, Inputs, LineShare
from weir.settlement.rating.charges import Part, months_between, round_amount
from weir.settlement.rating.usage import Slice

Given = Mapping[tuple[str, str], int]  # (agreement, party) -> minor units of its shares of lines


@dataclass(slots=True)
class Due:
    """The dues of one payer under one agreement for the whole period, and their charges."""

    agreement: AgreementInput
    payer: str
    shares: list[LineShare] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


def dues(
    inputs: Inputs, currency: str, standing: Mapping[str, Sequence[Slice]], given: Given
) -> list[Due]:
    """Return the dues of a period.

    `standing` holds the slices in which each agreement was in force, `given` each party's shares of
    lines under each agreement.
    """
    found: dict[tuple[str, str], Due] = {}
    for agreement in inputs.agreements:
        months = sum(
            (months_between(part.since, part.until) for part in standing[agreement.agreement]),
            Fraction(0),
        )
        if months:
            for payer, share, part in _of(agreement, inputs.operator, currency, months, given):
                due = found.setdefault((agreement.agreement, payer), Due(agreement, payer))
                due.shares.append(share)
                due.parts.append(part)
    return list(found.values())


def monthly_parties(agreement: AgreementInput, operator: str) -> set[str]:
    """Return the organisations that pay, get or are guaranteed something by the month."""
    terms = [share for share in agreement.shares if share.is_monthly]
    names = {name for share in terms for name in (share.party, share.paid_by) if name}
    return {_known(name, agreement, operator) for name in names}


def _of(
    agreement: AgreementInput, operator: str, currency: str, months: Fraction, given: Given
) -> Iterator[tuple[str, LineShare, Part]]:
    """Yield each monthly term's payer, share and charge; minimums last, as fixed parts count."""
    terms = [(place, each) for place, each in enumerate(agreement.shares) if each.is_monthly]
    if not terms:
        return
    had: dict[str, int] = defaultdict(int)
    for (name, party), amount_minor in given.items():
        if name == agreement.agreement:
            had[party] += amount_minor
    for place, share in sorted(terms, key=lambda term: term[1].minimum is not None):
        party = _known(share.party, agreement, operator)
        payer = _known(share.paid_by or "", agreement, operator)
        amount_minor = _amount(share, currency, months, agreement, had[party])
        had[party] += amount_minor
        kind: Literal["fixed", "minimum"] = "minimum" if share.minimum else "fixed"
        yield (
            payer,
            LineShare(party, kind, amount_minor),
            _part(place, kind, share, months, amount_minor, currency),
        )


def _amount(
    share: Share, currency: str, months: Fraction, agreement: AgreementInput, had_minor: int
) -> int:
    price = Fraction(share.fixed or share.minimum or "0")
    whole_minor = round_amount(price * months, currency, agreement.rounding).amount_minor
    return whole_minor if share.fixed else max(0, whole_minor - had_minor)


def _part(
    place: int, kind: str, share: Share, months: Fraction, amount_minor: int, currency: str
) -> Part:
    amount = Fraction(amount_minor, 10 ** MINOR_DIGITS[currency])
    return Part(place, kind, 0, months, share.fixed or share.minimum, amount)


def _known(name: str, agreement: AgreementInput, operator: str) -> str:
    """Return the organisation that a share's name stands for."""
    if name == MEMBER:
        return agreement.owner
    return operator if name == OPERATOR else name
